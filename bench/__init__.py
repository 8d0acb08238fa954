"""The benchmarks, each a command: `python -m bench.NAME`."""
