"""The tests, room by room as in the house; tests/kit holds what they stand on, tests/run sets up and runs them all."""
