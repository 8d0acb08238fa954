"""What an audit maintains on GitHub, against the double over HTTP: one issue, drafts; each thing once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from servers.github import ACTIONS, Fault, GitHubDouble
from servers.github.history import git

from bot import upkeep_markers
from bot.errors import ForgeError, UsageError
from bot.forges import Upkeep
from bot.forges.github.upkeep import GitHubUpkeep
from bot.plan import Draft, Issue, IssueText

pytestmark = pytest.mark.thorough

REPO = "octo/hello"
ID = "0123456789ab"
RIGHTS: dict[str, Any] = {"contents": "write", "issues": "write", "pull_requests": "write"}
MAIN = "x = 1\n"


@dataclass
class World:
    """A repository on the double, and what looks at it."""

    double: GitHubDouble
    token: str
    slept: list[float] = field(default_factory=list)

    def upkeep(self, token: str = "", **more: Any) -> GitHubUpkeep:
        now = 1_800_000_000.0
        arguments: dict[str, Any] = {
            "token": token or self.token,
            "repository": REPO,
            "api_url": self.double.url,
            "environ": {},
            "clock": lambda: now + sum(self.slept),
            "sleep": self.slept.append,
            "timeout": 2,
        }
        return GitHubUpkeep(**(arguments | more))

    @property
    def main(self) -> str:
        commit = self.double.repositories[REPO].commit_of("main")
        assert commit is not None
        return commit

    def draft(self, **more: Any) -> Draft:
        fields: dict[str, Any] = {
            "finding": ID,
            "branch": f"tryline/{ID}",
            "base": self.main,
            "base_ref": "main",
            "title": "Answer 2",
            "body": f"Because.\n\n{upkeep_markers.draft(ID)}",
            "message": "Answer 2\n",
            "files": {"a.py": b"x = 2\r\n"},
        }
        return Draft(**(fields | more))

    def blob(self, path: str) -> str:
        return git(self.double.repositories[REPO].path, "rev-parse", f"main:{path}").decode().strip()

    def comments(self, number: int = 1) -> list[str]:
        issue = self.double.issue(REPO, number)
        return [comment.body for comment in self.double.issue_comments_on(issue)]


def text(words: str = "Two findings.", *, opened: bool = True, news: str = "", **memory: Any) -> IssueText:
    body = f"{words}\n\n{upkeep_markers.issue(upkeep_markers.Memory(open=opened, **memory))}"
    said = f"{news}\n\n{upkeep_markers.news('ab' * 8)}" if news else ""
    return IssueText("Tryline's audit", body, opened, said)


@pytest.fixture
def world() -> Iterator[World]:
    """The test ends with a look at the contract, and at whether every fault has happened."""
    with GitHubDouble() as double:
        double.repository(REPO, {"a.py": MAIN, "b.py": "y = 1\n", "src/c.py": "z = 1\n"})
        yield World(double, double.actions_token(REPO, **RIGHTS))
        double.check()
        assert double.faults_left == 0


# ------------------------------------------------------------------------------------------------ the issue


def test_it_is_an_upkeep(world: World) -> None:
    upkeep: Upkeep = world.upkeep()
    assert (upkeep.dialect.noun, upkeep.issue()) == ("pull request", None)


def test_an_issue_is_opened_once_and_kept(world: World) -> None:
    made = world.upkeep().keep_issue(text())
    assert made == Issue(1, "Tryline's audit", text().body, True, f"{world.double.url}/{REPO}/issues/1")
    assert world.upkeep().issue() == made
    before = len(world.double.writes())
    assert world.upkeep().keep_issue(text(news="")) == made
    assert len(world.double.writes()) == before, "what says it already is not written again"
    changed = world.upkeep().keep_issue(text("One finding.", news="One is fixed."))
    assert (changed.number, world.double.issue(REPO, 1).body) == (1, text("One finding.").body)
    assert world.comments() == [text(news="One is fixed.").news]


def test_it_is_closed_and_opened_again(world: World) -> None:
    world.upkeep().keep_issue(text())
    assert world.upkeep().keep_issue(text("Nothing.", opened=False)).open is False
    assert world.double.issue(REPO, 1).state == "closed"
    assert world.upkeep().keep_issue(text("Again.")).open is True
    assert len(world.double.issues) == 1


def test_nothing_is_made_only_to_be_closed(world: World) -> None:
    assert world.upkeep().keep_issue(text(opened=False)).number == 0
    assert world.double.issues == {}


def test_only_an_issue_of_our_account_with_our_marker_is_ours(world: World) -> None:
    world.double.open_issue(REPO, "Tryline's audit", text().body, author="mallory")
    world.double.open_issue(REPO, "Another", "no marker", author=ACTIONS)
    quoted = world.double.open_issue(REPO, "Quoting", f"{text().body}\n\nand more", author=ACTIONS)
    world.double.push(REPO, "feature", {"a.py": "x = 3\n"})
    pull = world.double.open_pull(REPO, "feature", body=text().body, author=ACTIONS)
    assert world.upkeep().issue() is None
    assert world.upkeep().keep_issue(text()).number == max(quoted, pull) + 1


def test_of_two_the_newest_is_it(world: World) -> None:
    for words in ("old", "new"):
        world.double.open_issue(REPO, "Tryline's audit", text(words).body, author=ACTIONS)
    found = world.upkeep().issue()
    assert found is not None and found.number == 2


@pytest.mark.parametrize("fault", [Fault.lost(), Fault.closed(), Fault.answer(502)], ids=lambda one: one.kind)
def test_an_issue_whose_answer_is_lost_is_opened_once(world: World, fault: Fault) -> None:
    world.double.inject(fault, "POST", f"/repos/{REPO}/issues")
    assert world.upkeep().keep_issue(text()).number == 1
    assert len(world.double.issues) == 1


@pytest.mark.parametrize("fault", [Fault.lost(), Fault.closed(), Fault.answer(502)], ids=lambda one: one.kind)
def test_news_are_told_once(world: World, fault: Fault) -> None:
    world.upkeep().keep_issue(text())
    world.double.inject(fault, "POST", f"/repos/{REPO}/issues/1/comments")
    world.double.inject(Fault.lost(), "PATCH", f"/repos/{REPO}/issues/1")
    world.upkeep().keep_issue(text("More.", news="A new one."))
    assert len(world.comments()) == 1
    assert world.double.issue(REPO, 1).body == text("More.").body


def test_a_run_that_broke_off_is_finished_by_the_next(world: World) -> None:
    world.upkeep().keep_issue(text())
    world.double.inject(Fault.answer(422, {"message": "no"}), "PATCH", f"/repos/{REPO}/issues/1")
    with pytest.raises(ForgeError):
        world.upkeep().keep_issue(text("More.", news="A new one."))
    world.upkeep().keep_issue(text("More.", news="A new one."))
    assert len(world.comments()) == 1
    assert world.double.issue(REPO, 1).body == text("More.").body


def test_what_a_stranger_comments_is_no_news_of_ours(world: World) -> None:
    world.upkeep().keep_issue(text())
    issue = world.double.issue(REPO, 1)
    said = text(news="A new one.").news
    world.double.comment_on_issue(REPO, issue.number, said, "mallory")
    world.upkeep().keep_issue(text("More.", news="A new one."))
    assert world.comments() == [said, said]


def test_a_token_without_the_right_says_which(world: World) -> None:
    reader = world.double.actions_token(REPO, contents="read", issues="read")
    with pytest.raises(ForgeError) as caught:
        world.upkeep(reader).keep_issue(text())
    assert (caught.value.slug, "issues: write" in caught.value.hint) == ("forge-auth", True)
    assert reader not in caught.value.message


def test_a_title_is_cut_to_what_github_takes(world: World) -> None:
    made = world.upkeep().keep_issue(IssueText("x" * 300, text().body, open=True))
    assert len(made.title) == 256


def test_a_repository_is_owner_and_name() -> None:
    with pytest.raises(UsageError):
        GitHubUpkeep(token="t", repository="no", environ={})


# ------------------------------------------------------------------------------------------------ the drafts


def test_a_draft_holds_exactly_what_was_verified(world: World) -> None:
    made = world.upkeep().propose(world.draft())
    pull = world.double.pull(REPO, made.number)
    assert (pull.draft, pull.base_ref, pull.head_ref) == (True, "main", f"tryline/{ID}")
    assert world.double.file(REPO, f"tryline/{ID}", "a.py") == b"x = 2\r\n"
    assert world.double.file(REPO, f"tryline/{ID}", "b.py") == b"y = 1\n"
    repository = world.double.repositories[REPO]
    assert repository.between(world.main, pull.head) == [pull.head]
    assert world.upkeep().proposed() == (made,)
    assert made.open and not made.merged and made.url


def test_several_files_and_programs(world: World) -> None:
    files = {"a.py": b"x = 2\n", "src/c.py": b"z = 2\n"}
    world.upkeep().propose(world.draft(files=files, executable=frozenset({"src/c.py"})))
    assert [patch.path for patch in world.double.patches(REPO, 1)] == ["a.py", "src/c.py"]
    assert "new mode 100755" in world.double.patches(REPO, 1)[1].raw


@pytest.mark.parametrize("path", ["git/refs", "pulls"])
@pytest.mark.parametrize("fault", [Fault.lost(), Fault.closed(), Fault.answer(502)], ids=lambda one: one.kind)
def test_a_draft_whose_answer_is_lost_is_opened_once(world: World, path: str, fault: Fault) -> None:
    world.double.inject(fault, "POST", f"/repos/{REPO}/{path}")
    assert world.upkeep().propose(world.draft()).number == 1
    assert len(world.double.pulls) == 1


@pytest.mark.parametrize("merged", [False, True])
def test_what_is_done_with_is_not_opened_again(world: World, merged: bool) -> None:
    world.upkeep().propose(world.draft())
    world.double.close_pull(REPO, 1, merged=merged)
    again = world.upkeep().propose(world.draft())
    assert (again.number, again.open, again.merged) == (1, False, merged)
    assert world.upkeep().proposed() == (again,)
    assert len(world.double.pulls) == 1


def test_a_branch_without_a_pull_request_is_used(world: World) -> None:
    world.double.inject(Fault.answer(422, {"message": "no"}), "POST", f"/repos/{REPO}/pulls")
    with pytest.raises(ForgeError):
        world.upkeep().propose(world.draft())
    assert world.upkeep().propose(world.draft()).number == 1
    assert len(world.double.asked("git/create-ref")) == 1


def test_a_branch_that_holds_something_else_is_not_proposed(world: World) -> None:
    world.double.push(REPO, f"tryline/{ID}", {"a.py": "import evil\n"})
    with pytest.raises(ForgeError, match="holds something else"):
        world.upkeep().propose(world.draft())
    assert world.double.pulls == {}


def test_where_there_are_no_drafts_the_title_says_so(world: World) -> None:
    world.double.has_no_drafts = True
    made = world.upkeep().propose(world.draft())
    pull = world.double.pull(REPO, made.number)
    assert (pull.draft, pull.title) == (False, "Draft: Answer 2")


def test_where_workflows_open_none_the_hint_names_the_setting(world: World) -> None:
    world.double.actions_open_no_pulls = True
    with pytest.raises(ForgeError) as caught:
        world.upkeep().propose(world.draft())
    assert (caught.value.slug, "Workflow permissions" in caught.value.hint) == ("forge-auth", True)


def test_the_id_of_a_file_of_the_default_branch(world: World) -> None:
    upkeep = world.upkeep()
    assert upkeep.blob("a.py") == world.blob("a.py")
    assert (upkeep.blob("nowhere.py"), upkeep.blob("src")) == ("", "")
    world.double.push(REPO, "main", {"a.py": "x = 5\n"})
    assert upkeep.blob("a.py") == world.blob("a.py")


def test_only_drafts_of_our_account_are_ours(world: World) -> None:
    world.double.push(REPO, "feature", {"a.py": "x = 3\n"})
    world.double.open_pull(REPO, "feature", body=world.draft().body, author="mallory")
    assert world.upkeep().proposed() == ()
