"""GitLab: what is said on a merge request, by its REST API."""

from bot.forges.gitlab.host import GitLab

__all__ = ["GitLab"]
