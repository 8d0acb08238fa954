"""Benchmark sets of every kind of finding, and of changes that deserve none: `python -m bench.kinds`."""
