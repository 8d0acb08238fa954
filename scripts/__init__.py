"""What `make` runs; the demo's repository is also what benchmarks and tests review."""
