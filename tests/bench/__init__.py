"""Measurements, not tests: nothing here asserts a time. `python -m tests.bench.throughput` from the root of a checkout."""
