"""GitHub, and GitHub Enterprise, as a host of pull requests."""

from bot.forges.github.host import GitHub

__all__ = ["GitHub"]
