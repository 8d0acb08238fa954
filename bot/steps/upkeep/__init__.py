"""Upkeep: from an audit, and from what stands on the platform, to the issue, the drafts and the document. Pure."""

from bot.steps.upkeep.document import headline, markdown
from bot.steps.upkeep.drafting import Content, Drafts, drafts, withdrawn
from bot.steps.upkeep.issue import Links, failed, ignored_in, issue_text, with_ignored

__all__ = [
    "Content",
    "Drafts",
    "Links",
    "drafts",
    "failed",
    "headline",
    "ignored_in",
    "issue_text",
    "markdown",
    "with_ignored",
    "withdrawn",
]
