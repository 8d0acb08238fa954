"""What an audit maintains on the GitHub double: issues, branches by git's data, draft pull requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from github import Auth, Github, GithubException, InputGitTreeElement
from github.Repository import Repository
from servers.github import ACTIONS, GitHubDouble

pytestmark = pytest.mark.thorough

REPO = "octo/hello"
RIGHTS: dict[str, Any] = {"contents": "write", "issues": "write", "pull_requests": "write"}


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    """A double with one repository; the test ends with a look at the contract."""
    with GitHubDouble() as double:
        double.repository(REPO, {"a.py": "x = 1\n", "bin/run": "#!/bin/sh\n"})
        yield double
        double.check()


def repo_of(double: GitHubDouble, **rights: Any) -> Repository:
    api = Github(
        base_url=double.url,
        auth=Auth.Token(double.actions_token(REPO, **(rights or RIGHTS))),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )
    return api.get_repo(REPO)


def refusal(do: Any, *arguments: Any, **named: Any) -> GithubException:
    with pytest.raises(GithubException) as caught:
        do(*arguments, **named)
    return caught.value


def test_an_issues_life(github: GitHubDouble) -> None:
    repo = repo_of(github)
    theirs = github.open_issue(REPO, "Broken", author="alice")
    issue = repo.create_issue("Audit", body="text", labels=["audit"])
    assert (issue.number, issue.user.login, issue.state, issue.labels[0].name) == (2, ACTIONS, "open", "audit")
    assert issue.html_url.endswith("/octo/hello/issues/2")
    issue.edit(title="Audit: 2", body="more", state="closed", state_reason="completed")
    assert (issue.state, issue.state_reason) == ("closed", "completed")
    issue.edit(state="open")
    assert (issue.state, issue.state_reason) == ("open", "reopened")
    issue.create_comment("news")
    assert [comment.body for comment in issue.get_comments()] == ["news"]
    assert [one.number for one in repo.get_issues(state="all")] == [2, theirs]
    assert [one.number for one in repo.get_issues(state="all", creator=ACTIONS)] == [2]
    assert [one.number for one in repo.get_issues(labels=["audit"])] == [2]
    assert [one.number for one in repo.get_issues(state="closed")] == []
    assert repo.get_issue(2).comments == 1


def test_pull_requests_are_issues_and_numbered_with_them(github: GitHubDouble) -> None:
    repo = repo_of(github)
    issue = repo.create_issue("Audit")
    github.push(REPO, "feature", {"a.py": "x = 2\n"})
    number = github.open_pull(REPO, "feature", author=ACTIONS)
    assert (issue.number, number) == (1, 2)
    two, one = repo.get_issues(creator=ACTIONS)
    assert (two.pull_request is not None, one.pull_request) == (True, None)


@pytest.mark.parametrize(
    "fields", [{"title": " "}, {"title": "x" * 257}, {"title": "x", "body": "y" * 65_537}], ids=str
)
def test_texts_have_limits(github: GitHubDouble, fields: dict[str, str]) -> None:
    assert refusal(repo_of(github).create_issue, **fields).status == 422
    assert github.issues == {}


def test_rights(github: GitHubDouble) -> None:
    reader = repo_of(github, contents="read", issues="read", pull_requests="read")
    main = reader.get_git_ref("heads/main").object.sha
    assert refusal(reader.create_issue, "Audit").status == 403
    assert refusal(reader.create_git_ref, "refs/heads/x", main).status == 403
    assert refusal(reader.create_git_blob, "x", "utf-8").status == 403
    assert refusal(reader.create_pull, base="main", head="main", title="t").status == 403


def test_a_branch_by_gits_data_and_a_draft(github: GitHubDouble) -> None:
    repo = repo_of(github)
    main = repo.get_git_ref("heads/main").object.sha
    blob = repo.create_git_blob("eCA9IDIN", "base64")
    parent = repo.get_git_commit(main)
    tree = repo.create_git_tree([InputGitTreeElement("a.py", "100644", "blob", sha=blob.sha)], parent.tree)
    commit = repo.create_git_commit("Fix x", tree, [parent])
    ref = repo.create_git_ref("refs/heads/tryline/1", commit.sha)
    assert (ref.ref, ref.object.sha) == ("refs/heads/tryline/1", commit.sha)
    assert github.file(REPO, "tryline/1", "a.py") == b"x = 2\r"
    assert github.file(REPO, "tryline/1", "bin/run") == b"#!/bin/sh\n"
    assert repo.get_git_commit(commit.sha).parents[0].sha == main
    pull = repo.create_pull(base="main", head="tryline/1", title="Fix x", body="Because.", draft=True)
    assert (pull.draft, pull.user.login, pull.head.ref, pull.changed_files) == (True, ACTIONS, "tryline/1", 1)

    again = refusal(repo.create_pull, base="main", head="tryline/1", title="Fix x", draft=True)
    assert again.status == 422 and "already exists for octo:tryline/1" in str(again.data)
    assert refusal(repo.create_git_ref, "refs/heads/tryline/1", main).status == 422
    assert refusal(repo.create_pull, base="main", head="nowhere", title="x").status == 422
    repo.create_git_ref("refs/heads/same", main)
    assert "No commits between" in str(refusal(repo.create_pull, base="main", head="same", title="x").data)
    assert refusal(repo.get_git_ref, "heads/nowhere").status == 404


def test_where_drafts_or_pull_requests_of_workflows_are_not_wanted(github: GitHubDouble) -> None:
    repo = repo_of(github)
    github.push(REPO, "one", {"a.py": "x = 3\n"})
    github.has_no_drafts = True
    refused = refusal(repo.create_pull, base="main", head="one", title="x", draft=True)
    assert (refused.status, "not supported in this repository" in str(refused.data)) == (422, True)
    github.actions_open_no_pulls = True
    refused = refusal(repo.create_pull, base="main", head="one", title="x")
    assert (refused.status, "not permitted to create" in str(refused.data)) == (403, True)
    assert github.pulls == {}
