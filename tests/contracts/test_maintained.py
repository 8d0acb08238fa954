"""The contract of upkeep, on the doubles of both platforms: one issue, drafts, each thing once whatever fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from maintaining import ID, REPO, Hub, Lab, World
from servers.github import history

from bot import identity, upkeep_markers
from bot.errors import ForgeError, UsageError
from bot.forges.github.upkeep import GitHubUpkeep
from bot.forges.gitlab.upkeep import GitLabUpkeep
from bot.plan import Issue, IssueText

pytestmark = pytest.mark.thorough


@pytest.fixture(params=[Hub, Lab], ids=["github", "gitlab"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The test ends with a look at the contract, and at whether every fault has happened."""
    made: Callable[[], World] = request.param
    there = made()
    with there.double:
        yield there
        there.double.check()
        assert there.double.faults_left == 0


def text(words: str = "Two findings.", *, opened: bool = True, news: str = "") -> IssueText:
    body = f"{words}\n\n{upkeep_markers.issue(upkeep_markers.Memory(open=opened))}"
    said = f"{news}\n\n{upkeep_markers.news('ab' * 8)}" if news else ""
    return IssueText("Tryline's audit", body, opened, said)


# ------------------------------------------------------------------------------------------------ the issue


def test_an_issue_is_opened_once_and_kept(world: World) -> None:
    assert world.upkeep().issue() is None
    made = world.upkeep().keep_issue(text())
    assert made == Issue(1, "Tryline's audit", text().body, True, made.url)
    assert made.url.startswith(world.double.url)
    assert world.upkeep().issue() == made
    before = len(world.double.writes())
    assert world.upkeep().keep_issue(text()) == made
    assert len(world.double.writes()) == before, "what says it already is not written again"
    changed = world.upkeep().keep_issue(text("One finding.", news="One is fixed."))
    assert (changed.number, world.body()) == (1, text("One finding.").body)
    assert world.comments() == [text(news="One is fixed.").news]


def test_it_is_closed_and_opened_again(world: World) -> None:
    world.upkeep().keep_issue(text())
    assert world.upkeep().keep_issue(text("Nothing.", opened=False)).open is False
    found = world.upkeep().issue()
    assert found is not None and not found.open
    assert world.upkeep().keep_issue(text("Again.")).open is True
    assert world.count() == (1, 0)


def test_nothing_is_made_only_to_be_closed(world: World) -> None:
    assert world.upkeep().keep_issue(text(opened=False)).number == 0
    assert world.count() == (0, 0)


def test_only_an_issue_of_our_account_with_our_marker_is_ours(world: World) -> None:
    world.issue_by(text().body, "mallory")
    world.issue_by("no marker", None)
    world.issue_by(f"{text().body}\n\nand more", None)
    assert world.upkeep().issue() is None
    assert world.upkeep().keep_issue(text()).number == 4


def test_of_two_the_newest_is_it(world: World) -> None:
    for words in ("old", "new"):
        world.issue_by(text(words).body, None)
    found = world.upkeep().issue()
    assert found is not None and found.number == 2


@pytest.mark.parametrize("which", range(3))
def test_what_is_lost_is_looked_for(world: World, which: int) -> None:
    fault = world.lost()[which]
    world.double.inject(fault, "POST", world.issues)
    assert world.upkeep().keep_issue(text()).number == 1
    world.double.inject(fault, "POST", world.notes)
    world.double.inject(world.lost()[0], world.verb, world.edit)
    world.upkeep().keep_issue(text("More.", news="A new one."))
    assert (len(world.comments()), world.body()) == (1, text("More.").body)
    world.double.inject(fault, "POST", world.branches)
    world.double.inject(fault, "POST", world.pulls)
    assert world.upkeep().propose(world.draft()).open
    assert world.count() == (1, 1)


def test_a_run_that_broke_off_is_finished_by_the_next(world: World) -> None:
    world.upkeep().keep_issue(text())
    world.double.inject(world.refused(), world.verb, world.edit)
    with pytest.raises(ForgeError):
        world.upkeep().keep_issue(text("More.", news="A new one."))
    world.upkeep().keep_issue(text("More.", news="A new one."))
    assert (len(world.comments()), world.body()) == (1, text("More.").body)


def test_what_was_not_told_is_not_remembered_as_told(world: World) -> None:
    world.upkeep().keep_issue(text())
    world.double.inject(world.refused(), "POST", world.notes)
    with pytest.raises(ForgeError):
        world.upkeep().keep_issue(text("More.", news="A new one."))
    assert (world.comments(), world.body()) == ([], text().body)


def test_what_a_stranger_comments_is_no_news_of_ours(world: World) -> None:
    world.upkeep().keep_issue(text())
    said = text(news="A new one.").news
    world.double.comment_on_issue(REPO, 1, said, "alice")
    world.upkeep().keep_issue(text("More.", news="A new one."))
    assert world.comments() == [said, said]


def test_a_token_without_the_right_says_which(world: World) -> None:
    reader = world.reader()
    with pytest.raises(ForgeError) as caught:
        world.upkeep(reader).keep_issue(text())
    assert caught.value.slug == "forge-auth"
    assert "issues: write" in caught.value.hint or "scope `api`" in caught.value.hint
    assert reader not in f"{caught.value.message} {caught.value.hint}"


def test_a_title_is_cut_to_what_the_platform_takes(world: World) -> None:
    assert len(world.upkeep().keep_issue(IssueText("x" * 300, text().body, open=True)).title) in (255, 256)


# ------------------------------------------------------------------------------------------------ the drafts


def test_a_draft_holds_exactly_what_was_verified(world: World) -> None:
    made = world.upkeep().propose(world.draft())
    assert (made.finding, made.open, made.merged, world.is_draft(made.number)) == (ID, True, False, True)
    assert world.double.file(REPO, f"tryline/{ID}", "a.py") == b"x = 2\r\n"
    assert world.double.file(REPO, f"tryline/{ID}", "b.py") == b"y = 1\n"
    assert world.double.file(REPO, "main", "a.py") == b"x = 1\n"
    assert world.upkeep().proposed() == (made,)


@pytest.mark.parametrize("merged", [False, True])
def test_what_is_done_with_is_not_opened_again(world: World, merged: bool) -> None:
    world.upkeep().propose(world.draft())
    world.close(1, merged=merged)
    again = world.upkeep().propose(world.draft())
    assert (again.number, again.open, again.merged) == (1, False, merged)
    assert world.upkeep().proposed() == (again,)
    assert world.count() == (0, 1)


def test_a_branch_without_a_pull_request_is_used(world: World) -> None:
    world.double.inject(world.refused(), "POST", world.pulls)
    with pytest.raises(ForgeError):
        world.upkeep().propose(world.draft())
    assert world.upkeep().propose(world.draft()).number == 1


def test_a_branch_that_holds_something_else_is_not_proposed(world: World) -> None:
    world.double.push(REPO, f"tryline/{ID}", {"a.py": "import evil\n"})
    with pytest.raises(ForgeError, match="holds something else"):
        world.upkeep().propose(world.draft())
    assert world.count() == (0, 0)


def test_the_id_of_a_file_of_the_default_branch(world: World) -> None:
    upkeep = world.upkeep()
    assert upkeep.blob("src/c.py") == identity.blob(b"z = 1\n", world.main)
    assert (upkeep.blob("nowhere.py"), upkeep.blob("src")) == ("", "")
    world.double.push(REPO, "main", {"a.py": "x = 5\n"})
    assert upkeep.blob("a.py") == identity.blob(b"x = 5\n", world.main)


def test_only_drafts_of_our_account_are_ours(world: World) -> None:
    world.double.push(REPO, "feature", {"a.py": "x = 3\n"})
    world.pull_by("feature", world.draft().body, "alice")
    assert world.upkeep().proposed() == ()


@pytest.mark.parametrize("which", range(3))
def test_a_draft_is_withdrawn_once(world: World, which: int) -> None:
    made = world.upkeep().propose(world.draft())
    why = f"Nobody needs it.\n\n{upkeep_markers.news(ID)}"
    world.double.inject(world.lost()[which], "POST", world.below)
    world.upkeep().withdraw(made, why)
    world.upkeep().withdraw(made, why)
    (there,) = world.upkeep().proposed()
    assert (there.open, there.merged, world.said_below()) == (False, False, [why])


def test_nothing_is_to_be_set_right(world: World) -> None:
    upkeep = world.upkeep()
    upkeep.keep_issue(text())
    assert upkeep.warnings() == ()


def test_a_repository_has_an_owner() -> None:
    for kind in (GitHubUpkeep, GitLabUpkeep):
        with pytest.raises(UsageError):
            kind(token="t" * 20, repository="no", environ={})


def test_git_gives_a_file_the_same_name(tmp_path: Any) -> None:
    history.git(tmp_path, "init", "--quiet")
    named = history.git(tmp_path, "hash-object", "--stdin", feed=b"x\r\n").decode().strip()
    assert identity.blob(b"x\r\n", "0" * 40) == named
    assert len(identity.blob(b"", "0" * 64)) == 64
