"""The use cases: each looks up facts, asks the desk what to do, and saves the answer in one transaction that it owns."""
