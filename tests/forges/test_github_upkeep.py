"""What only GitHub has: repositories without drafts, workflows that may open none, programs in a tree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.github import ACTIONS, GitHubDouble

from bot import upkeep_markers
from bot.errors import ForgeError
from bot.forges.github.upkeep import GitHubUpkeep
from bot.plan import Draft, IssueText

pytestmark = pytest.mark.thorough

REPO = "octo/hello"


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    """The test ends with a look at the contract."""
    with GitHubDouble() as double:
        double.repository(REPO, {"a.py": "x = 1\n", "src/c.py": "z = 1\n"})
        yield double
        double.check()


def upkeep(double: GitHubDouble) -> GitHubUpkeep:
    return GitHubUpkeep(
        token=double.actions_token(REPO, contents="write", issues="write", pull_requests="write"),
        repository=REPO,
        api_url=double.url,
        environ={},
        sleep=lambda seconds: None,
        pause=0,
    )


def draft(double: GitHubDouble) -> Draft:
    main = double.repositories[REPO].commit_of("main")
    assert main is not None
    body = f"Because.\n\n{upkeep_markers.draft('abcd')}"
    files = {"a.py": b"x = 2\n", "src/c.py": b"z = 2\n"}
    return Draft("abcd", "tryline/abcd", main, "main", "Two", body, "Two\n", files, frozenset({"src/c.py"}))


def test_several_files_and_programs(github: GitHubDouble) -> None:
    made = upkeep(github).propose(draft(github))
    assert [patch.path for patch in github.patches(REPO, 1)] == ["a.py", "src/c.py"]
    assert "new mode 100755" in github.patches(REPO, 1)[1].raw
    head = github.pull(REPO, made.number).head
    assert github.repositories[REPO].between(draft(github).base, head) == [head], "one commit"


def test_where_there_are_no_drafts_the_title_says_so(github: GitHubDouble) -> None:
    github.has_no_drafts = True
    made = upkeep(github).propose(draft(github))
    pull = github.pull(REPO, made.number)
    assert (pull.draft, pull.title) == (False, "Draft: Two")


def test_where_workflows_open_none_the_hint_names_the_setting(github: GitHubDouble) -> None:
    github.actions_open_no_pulls = True
    with pytest.raises(ForgeError) as caught:
        upkeep(github).propose(draft(github))
    assert (caught.value.slug, "Workflow permissions" in caught.value.hint) == ("forge-auth", True)


def test_a_pull_request_with_the_marker_is_no_issue_of_ours(github: GitHubDouble) -> None:
    github.push(REPO, "feature", {"a.py": "x = 3\n"})
    github.open_pull(REPO, "feature", body=upkeep_markers.issue(upkeep_markers.Memory()), author=ACTIONS)
    assert upkeep(github).issue() is None


def test_an_account_that_was_not_thought_of_is_named(github: GitHubDouble) -> None:
    token = github.token("my-app[bot]", kind="app", repositories=(REPO,))
    made = GitHubUpkeep(
        token=token, repository=REPO, api_url=github.url, environ={}, sleep=lambda seconds: None, pause=0
    )
    body = f"Text.\n\n{upkeep_markers.issue(upkeep_markers.Memory())}"
    made.keep_issue(IssueText("Audit", body, open=True))
    (warning,) = made.warnings()
    assert "writes as my-app[bot]: set `pull.account`" in warning
