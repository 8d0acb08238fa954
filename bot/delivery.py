"""From a review to what is said on a pull request: a plan made from what stands there now, then carried out."""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import Config
from bot.domain import FileDiff, Review
from bot.errors import UsageError
from bot.forges import Host
from bot.plan import Delivery, Pull
from bot.render import Caps
from bot.steps import comment


def deliver(
    host: Host,
    review: Review,
    config: Config,
    *,
    pull: Pull,
    head: str,
    files: Sequence[FileDiff],
    run_url: str = "",
    from_fork: bool = False,
) -> Delivery:
    """Says on a pull request what a review of its commit `head` found.

    The conversation is read anew, so that doing this again after a failure finishes it: what is there already is
    not posted twice. `files` are the diff whose lines can bear comments. Raises ForgeError; the review should have
    been saved before.
    """
    plan = comment.plan(
        review,
        host.conversation(pull.number),
        number=pull.number,
        head=head,
        files=files,
        caps=Caps(config.comments.max_inline, suspected=config.comments.suspected),
        check=config.pull.check,
        fail_on=config.fail_on,
        run_url=run_url,
        from_fork=from_fork,
        dialect=host.dialect,
    )
    return host.publish(plan)


def deliver_saved(
    host: Host, review: Review, config: Config, *, pull: Pull, run_url: str = "", from_fork: bool = False
) -> Delivery:
    """Delivers a result that another run has saved, which may have been a stranger's.

    Nothing in it says where it goes: `pull` does. The lines that can bear comments are the platform's own, and the
    texts are made here, from values that are escaped like all foreign text.

    Raises UsageError (`result-no-commit`, `result-outdated`) for a result that is not about the pull request's
    current commit, and ForgeError.
    """
    head = review.change.head.commit
    if head is None:
        raise UsageError(
            "the result is of a working tree, which no pull request has",
            hint="Review the commit that was pushed: `tryline review --head COMMIT --output result.json`.",
            slug="result-no-commit",
        )
    if head != pull.head:
        raise UsageError(
            f"the result is of commit {head[:12]}, but {host.dialect.sign}{pull.number} is at "
            f"{pull.head[:12]} now",
            hint="Nothing was posted. The run for the newer commit has, or will have, a result of its own.",
            slug="result-outdated",
        )
    files = host.diff(pull.number)
    return deliver(host, review, config, pull=pull, head=head, files=files, run_url=run_url, from_fork=from_fork)
