"""GitHub: its events, its files for a job's outputs, and pull requests over its API."""
