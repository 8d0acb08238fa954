"""Tryline: reviews a pull request by running it."""

__version__ = "0.1.0"
