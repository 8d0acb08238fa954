"""Comment: from a review, and from what we have said on its pull request, to what is to be said now. Pure."""

from bot.steps.comment.annotating import annotations
from bot.steps.comment.answers import explained, help_text, ignored, refused, unknown, unverified, verified
from bot.steps.comment.ignoring import ignoring
from bot.steps.comment.planning import plan
from bot.steps.comment.remembering import memory_of
from bot.steps.comment.summing import failed, running

__all__ = [
    "annotations",
    "explained",
    "failed",
    "help_text",
    "ignored",
    "ignoring",
    "memory_of",
    "plan",
    "refused",
    "running",
    "unknown",
    "unverified",
    "verified",
]
