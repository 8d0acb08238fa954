"""The GitHub double, by the client that the product uses and by git itself: what it allows, refuses and spoils."""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from github import Auth, Github, GithubException
from github.PullRequest import PullRequest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.github import ACTIONS, Fault, GitHubDouble, SuggestionRefused, suggestions
from servers.github.contract import contract
from servers.github.history import GitFailed
from servers.github.upkeep import AllOperations
from unidiff import PatchSet

pytestmark = pytest.mark.thorough

REPO = "octo/hello"
BASE = "".join(f"x{number} = {number}\n" for number in range(1, 41))
HEAD = BASE.replace("x10 = 10\n", "x10 = 'ten'\n").replace("x30 = 30\n", "x30 = 30\nextra = 1\n")
EVERYTHING = {
    "contents": "read",
    "pull_requests": "write",
    "issues": "write",
    "checks": "write",
    "statuses": "write",
    "security_events": "write",
}
LINE, START, BLANK = (
    "Pull request review thread line must be part of the diff",
    "Pull request review thread start line must be part of the same hunk as the line.",
    "Pull request review thread diff hunk can't be blank",
)


@pytest.fixture
def github() -> Iterator[GitHubDouble]:
    """A double with one repository and one pull request: line 10 changed, one line put in behind line 30."""
    with GitHubDouble() as double:
        double.repository(
            REPO, {"a.py": BASE, "docs/b.md": "text\n"}, collaborators={"bob": "write", "tim": "triage"}
        )
        double.push(REPO, "feature", {"a.py": HEAD, "new.py": "one = 1\ntwo = 2\n"})
        assert double.open_pull(REPO, "feature", title="Ten") == 1
        yield double


def client(double: GitHubDouble, token: str | None = None, base: str = "", per_page: int = 30) -> Github:
    token = token or double.actions_token(REPO, **EVERYTHING)  # type: ignore[arg-type]
    return Github(
        base_url=base or double.url,
        auth=Auth.Token(token),
        retry=None,
        per_page=per_page,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def pull_of(double: GitHubDouble, token: str | None = None) -> PullRequest:
    return client(double, token).get_repo(REPO).get_pull(1)


def refusal(do: Any, *arguments: Any, **named: Any) -> GithubException:
    with pytest.raises(GithubException) as caught:
        do(*arguments, **named)
    return caught.value


def inline(path: str = "a.py", line: int = 10, body: str = "Hm.", **more: Any) -> dict[str, Any]:
    return {"path": path, "line": line, "body": body, **more}


def post_review(pull: PullRequest, *comments: dict[str, Any], body: str = "Look.") -> Any:
    return pull.create_review(body=body, event="COMMENT", comments=list(comments))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------ the main flow


@pytest.mark.parametrize("enterprise", [False, True])
def test_a_bots_whole_day(github: GitHubDouble, enterprise: bool) -> None:
    root = github.enterprise_url if enterprise else github.url
    api = client(github, base=root)
    repo = api.get_repo(REPO)
    pull = repo.get_pull(1)
    assert (repo.full_name, repo.default_branch, repo.clone_url) == (REPO, "main", github.clone_url(REPO))
    assert (pull.title, pull.base.ref, pull.head.ref, pull.user.login) == ("Ten", "main", "feature", "alice")
    assert (pull.additions, pull.deletions, pull.changed_files, pull.commits) == (4, 1, 2, 1)
    assert pull.url.startswith(f"{root}/repos/")
    files = {file.filename: file for file in pull.get_files()}
    assert files["new.py"].patch == "@@ -0,0 +1,2 @@\n+one = 1\n+two = 2"
    assert [commit.sha for commit in pull.get_commits()] == [pull.head.sha]

    summary = pull.create_issue_comment("running")
    review = post_review(pull, inline(), inline(line=33, start_line=30))
    assert review.state == "COMMENTED"
    one, two = pull.get_review_comments()
    assert (one.line, one.start_line, one.side, one.position) == (10, None, "RIGHT", 5)
    assert (two.line, two.start_line, two.start_side, two.subject_type) == (33, 30, "RIGHT", "line")
    assert one.diff_hunk == "@@ -7,7 +7,7 @@ x6 = 6\n x7 = 7\n x8 = 8\n x9 = 9\n-x10 = 10\n+x10 = 'ten'"
    assert [comment.id for comment in pull.get_single_review_comments(review.id)] == [one.id, two.id]
    one.edit("Better.")
    two.delete()
    assert [comment.body for comment in pull.get_review_comments()] == ["Better."]
    summary.edit("done")
    assert [comment.body for comment in pull.get_issue_comments()] == ["done"]
    summary.create_reaction("eyes")
    assert [(reaction.content, reaction.user.login) for reaction in summary.get_reactions()] == [("eyes", ACTIONS)]
    one.create_reaction("rocket")

    run = repo.create_check_run("tryline", pull.head.sha, status="in_progress")
    note = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 50}
    run.edit(output=output)
    run.edit(status="completed", conclusion="neutral", output=output)
    assert len(list(run.get_annotations())) == 100
    assert [found.conclusion for found in repo.get_commit(pull.head.sha).get_check_runs()] == ["neutral"]
    repo.get_commit(pull.head.sha).create_status("success", context="tryline", description="fine")
    statuses = repo.requester.requestJsonAndCheck("GET", f"{repo.url}/commits/feature/statuses")[1]
    assert [(status["context"], status["state"]) for status in statuses] == [("tryline", "success")]

    assert repo.get_collaborator_permission("bob") == "write"
    assert repo.get_contents("docs/b.md", ref="feature").decoded_content == b"text\n"  # type: ignore[union-attr]
    assert [entry.path for entry in repo.get_contents("docs")] == ["docs/b.md"]  # type: ignore[union-attr]
    comparison = repo.compare("main", "feature")
    assert (comparison.ahead_by, comparison.merge_base_commit.sha) == (1, pull.base.sha)
    assert repo.get_git_commit(pull.head.sha).parents[0].sha == pull.base.sha
    assert [found.number for found in repo.get_pulls(head="octo:feature")] == [1]
    assert list(repo.get_pulls(head="alice:feature")) == []
    assert pull.as_issue().get_comments().totalCount == 1
    assert api.get_rate_limit().rate.limit == 1000
    github.check()
    assert {exchange.enterprise for exchange in github.exchanges} == {enterprise}
    assert {exchange.login for exchange in github.exchanges} == {ACTIONS}
    assert all("authorization" not in exchange.headers for exchange in github.exchanges)


def test_the_diff_as_text_is_gits(github: GitHubDouble) -> None:
    headers = {"Accept": "application/vnd.github.diff", "User-Agent": "test"}
    answer = requests.get(f"{github.url}/repos/{REPO}/pulls/1", headers=headers, timeout=10)
    assert answer.headers["content-type"].startswith("application/vnd.github.diff")
    assert [file.path for file in PatchSet(answer.text)] == ["a.py", "new.py"]
    github.push(REPO, "feature", {"big.txt": "line\n" * 20_000})
    refused = requests.get(f"{github.url}/repos/{REPO}/pulls/1", headers=headers, timeout=10)
    assert refused.status_code == 406
    assert refused.json()["errors"][0]["code"] == "too_large"
    github.check()


def test_files_of_every_kind(github: GitHubDouble) -> None:
    long = "".join(f"l{number}\n" for number in range(30))
    old = {
        "old.py": long,
        "gone.py": "1\n",
        "bin": b"\0\1",
        "no end": "a\nb",
        'a "b"/é.py': "1\n",
        "latin": b"\xe9\n",
    }
    github.push(REPO, "main", old)
    new = {"old.py": None, "new.py": f"{long}z\n", "gone.py": None, "bin": b"\0\2", "no end": "a\nc"}
    new |= {'a "b"/é.py': "2\n", "latin": b"\xea\n", "empty": "", "cr": "a\r\nb\rc\n"}
    github.push(REPO, "kinds", new, onto="main")
    pull = client(github).get_repo(REPO).get_pull(github.open_pull(REPO, "kinds"))
    shown = {
        file.filename: (file.previous_filename, file.status, file.additions, file.deletions, file.patch)
        for file in pull.get_files()
    }
    assert shown == {
        "new.py": ("old.py", "renamed", 1, 0, "@@ -28,3 +28,4 @@ l26\n l27\n l28\n l29\n+z"),
        "gone.py": (None, "removed", 0, 1, "@@ -1 +0,0 @@\n-1"),
        "bin": (None, "modified", 0, 0, None),
        "no end": (
            None, "modified", 1, 1,
            "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file",
        ),
        'a "b"/é.py': (None, "modified", 1, 1, "@@ -1 +1 @@\n-1\n+2"),
        "latin": (None, "modified", 1, 1, "@@ -1 +1 @@\n-\ufffd\n+\ufffd"),
        "empty": (None, "added", 0, 0, None),
        "cr": (None, "added", 2, 0, "@@ -0,0 +1,2 @@\n+a\r\n+b\rc"),
    }  # fmt: skip
    post_review(pull, inline("new.py", 31), inline("no end", 2), inline('a "b"/é.py', 1), inline("cr", 2))
    assert [comment.position for comment in github.comments.values()] == [4, 4, 2, 2]
    github.check()


def test_lists_come_in_pages(github: GitHubDouble) -> None:
    for number in range(7):
        github.comment(REPO, 1, f"comment {number}")
    pull = client(github, per_page=3).get_repo(REPO).get_pull(1)
    assert [comment.body for comment in pull.get_issue_comments()] == [f"comment {number}" for number in range(7)]
    pages = [dict(exchange.query).get("page") for exchange in github.asked("issues/list-comments")]
    assert pages == [None, "2", "3"]
    answer = requests.get(f"{github.url}/repos/{REPO}/issues/1/comments?per_page=500", timeout=10)
    assert len(answer.json()) == 7
    assert "Link" not in answer.headers
    for number in range(100):
        github.comment(REPO, 1, f"more {number}")
    most = requests.get(f"{github.url}/repos/{REPO}/issues/1/comments?per_page=500", timeout=10)
    assert len(most.json()) == 100
    middle = requests.get(f"{github.url}/repos/{REPO}/issues/1/comments?per_page=2&page=2", timeout=10)
    assert [link["rel"] for link in requests.utils.parse_header_links(middle.headers["Link"])] == [
        "prev", "first", "next", "last",
    ]  # fmt: skip
    github.check()


def test_sarif_is_unpacked(github: GitHubDouble) -> None:
    repo = client(github).get_repo(REPO)
    head = github.pull(REPO, 1).head
    log = {"version": "2.1.0", "runs": []}

    def upload(sarif: str) -> Any:
        body = {"commit_sha": head, "ref": "refs/pull/1/head", "sarif": sarif}
        return repo.requester.requestJsonAndCheck("POST", f"{repo.url}/code-scanning/sarifs", input=body)[1]

    receipt = upload(base64.b64encode(gzip.compress(json.dumps(log).encode())).decode())
    assert [(sarif.id, sarif.commit, sarif.log) for sarif in github.sarifs] == [(receipt["id"], head, log)]
    assert repo.requester.requestJsonAndCheck("GET", receipt["url"])[1]["processing_status"] == "complete"
    assert refusal(upload, base64.b64encode(json.dumps(log).encode()).decode()).status == 400
    github.check()


# ----------------------------------------------------------------------------------------- who may do what


def test_a_missing_right_is_refused_in_githubs_words(github: GitHubDouble) -> None:
    pull = pull_of(github, github.actions_token(REPO, contents="read", pull_requests="read"))
    for do in (
        lambda: post_review(pull, inline()),
        lambda: pull.create_issue_comment("hello"),
        lambda: pull.base.repo.create_check_run("tryline", pull.head.sha),
    ):
        refused = refusal(do)
        assert (refused.status, refused.data["message"]) == (403, "Resource not accessible by integration")
    assert not github.reviews
    assert not github.issue_comments
    person = pull_of(github, github.token("carol", rights={"pull_requests": "read"}))
    assert "by personal access token" in refusal(person.create_issue_comment, "x").data["message"]
    github.check()


def test_either_right_lets_comment_on_the_whole(github: GitHubDouble) -> None:
    for right in ("issues", "pull_requests"):
        pull_of(github, github.actions_token(REPO, **{right: "write"})).create_issue_comment(right)  # type: ignore
    assert [comment.body for comment in github.issue_comments.values()] == ["issues", "pull_requests"]
    github.check()


def test_checks_are_for_apps(github: GitHubDouble) -> None:
    repo = client(github, github.token("carol")).get_repo(REPO)
    refused = refusal(repo.create_check_run, "tryline", github.pull(REPO, 1).head)
    assert refused.data["message"] == "You must authenticate via a GitHub App."
    mine = client(github).get_repo(REPO).create_check_run("tryline", github.pull(REPO, 1).head)
    other = client(github, github.token("other[bot]", kind="app")).get_repo(REPO).get_check_run(mine.id)
    assert refusal(other.edit, conclusion="success").status == 403
    github.check()


def test_who_am_i(github: GitHubDouble) -> None:
    assert client(github, github.token("carol")).get_user().login == "carol"
    for token in (github.actions_token(REPO), github.token("my-app[bot]", kind="app")):
        refused = refusal(lambda token=token: client(github, token).get_user().login)
        assert (refused.status, refused.data["message"]) == (403, "Resource not accessible by integration")
    assert refusal(lambda: client(github, "ghs_wrong").get_user().login).data["message"] == "Bad credentials"
    github.check()


def test_permissions_of_people(github: GitHubDouble) -> None:
    repo = client(github).get_repo(REPO)
    github.account("stranger")
    found = {who: repo.get_collaborator_permission(who) for who in ("octo", "bob", "tim", "stranger")}
    assert found == {"octo": "admin", "bob": "write", "tim": "read", "stranger": "read"}
    assert refusal(repo.get_collaborator_permission, "nobody").status == 404
    assert refusal(repo.get_collaborator_permission, ACTIONS).status == 404
    github.check()


def test_a_private_repository_is_not_there_for_strangers(github: GitHubDouble) -> None:
    github.repository("octo/secret", {"a.py": "x = 1\n"}, private=True)
    assert requests.get(f"{github.url}/repos/octo/secret", timeout=10).status_code == 404
    assert refusal(client(github).get_repo, "octo/secret").status == 404
    inside = client(github, github.actions_token("octo/secret", contents="read")).get_repo("octo/secret")
    assert inside.private
    assert refusal(inside.get_pulls().get_page, 0).status == 403
    assert (
        requests.post(f"{github.url}/repos/{REPO}/issues/1/comments", json={"body": "x"}, timeout=10).status_code
        == 401
    )
    github.check()


# ------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        (inline(line=20), f"{LINE} and {BLANK}"),
        (inline(line=20, start_line=19), f"{LINE}, {START}, and {BLANK}"),
        (inline(line=31, start_line=10), START),
        (inline(line=10, start_line=10), "Pull request review thread start line must precede the end line."),
        (inline(line=10, start_line=11), "Pull request review thread start line must precede the end line."),
        (inline("gone.py"), f"Pull request review thread path is invalid and {BLANK}"),
        (inline("docs/b.md", 1), f"Pull request review thread path is invalid and {BLANK}"),
        (inline(line=14), f"{LINE} and {BLANK}"),
        (inline(line=0), f"{LINE} and {BLANK}"),
        (inline(body="a" * 65_537), "Body is too long (maximum is 65536 characters)"),
    ],
)
def test_one_bad_comment_refuses_the_review(github: GitHubDouble, comment: dict[str, Any], message: str) -> None:
    refused = refusal(post_review, pull_of(github), inline(), comment)
    assert refused.status == 422
    assert refused.data == {
        "message": "Unprocessable Entity",
        "errors": [message],
        "documentation_url": "https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request",
        "status": "422",
    }
    assert not github.reviews
    assert not github.comments
    github.check()


def test_a_refused_review_may_leave_its_body(github: GitHubDouble) -> None:
    github.leaves_stubs = True
    pull = pull_of(github)
    assert refusal(post_review, pull, inline(line=20)).status == 422
    assert refusal(post_review, pull, inline(line=20), body="").status == 422
    assert [(review.body, review.state) for review in pull.get_reviews()] == [("Look.", "COMMENTED")]
    assert not github.comments
    github.check()


def test_lines_of_context_and_of_the_left_side(github: GitHubDouble) -> None:
    post_review(
        pull_of(github),
        inline(line=7),
        inline(line=13),
        inline(line=10, side="LEFT"),
        inline(line=29, side="LEFT"),
    )
    assert [comment.line for comment in github.comments.values()] == [7, 13, 10, 29]
    assert [comment.position for comment in github.comments.values()] == [1, 8, 4, 11]
    assert refusal(post_review, pull_of(github), inline(line=31, side="LEFT", start_line=33)).status == 422
    github.check()


def test_a_review_says_something(github: GitHubDouble) -> None:
    pull = pull_of(github)
    assert refusal(pull.create_review, body="", event="COMMENT").status == 422
    assert refusal(pull.create_review, event="REQUEST_CHANGES", comments=[inline()]).status == 422  # type: ignore
    assert post_review(pull, inline(), body="").state == "COMMENTED"
    own = pull_of(github, github.token("alice"))
    assert refusal(own.create_review, event="APPROVE").data["errors"] == ["Can not approve your own pull request"]
    github.check()


def test_a_single_comment_is_refused_in_other_words(github: GitHubDouble) -> None:
    pull = pull_of(github)
    head = pull.base.repo.get_commit(pull.head.sha)
    refused = refusal(pull.create_review_comment, "Hm.", head, "a.py", line=20)
    where = "pull_request_review_thread"
    assert refused.data["errors"] == [
        {
            "resource": "PullRequestReviewComment",
            "field": f"{where}.line",
            "code": "custom",
            "message": f"{where}.line must be part of the diff",
        },
        {"resource": "PullRequestReviewComment", "field": f"{where}.diff_hunk", "code": "missing_field"},
    ]
    made = pull.create_review_comment("Hm.", head, "a.py", line=10)
    whole = pull.create_review_comment("All of it.", head, "new.py", subject_type="file")
    assert [(one.subject_type, one.path) for one in pull.get_review_comments()] == [
        ("line", made.path), ("file", whole.path),
    ]  # fmt: skip
    reply = pull_of(github, github.token("bob")).create_review_comment_reply(made.id, "No.")
    assert (reply.in_reply_to_id, reply.user.login, reply.line) == (made.id, "bob", 10)
    assert refusal(pull_of(github, github.token("bob")).create_review_comment_reply, reply.id, "x").status == 422
    github.check()


def test_bodies_have_a_limit(github: GitHubDouble) -> None:
    pull = pull_of(github)
    comment = pull.create_issue_comment("é" * 65_536)
    for do in (comment.edit, pull.create_issue_comment):
        refused = refusal(do, "é" * 65_537)
        assert (refused.status, refused.data["errors"][0]["field"]) == (422, "data")
    assert refusal(pull.create_issue_comment, " ").status == 422
    github.check()


def test_more_than_fifty_annotations(github: GitHubDouble) -> None:
    repo = client(github).get_repo(REPO)
    note = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 51}
    assert refusal(repo.create_check_run, "tryline", github.pull(REPO, 1).head, output=output).status == 422
    assert not github.checks
    with pytest.raises(AssertionError, match="annotations"):
        github.check()


def test_pending_reviews_are_the_authors_alone(github: GitHubDouble) -> None:
    pull = pull_of(github)
    pending = pull.create_review(body="Soon.", comments=[inline()])  # type: ignore[list-item]
    assert pending.state == "PENDING"
    assert list(pull.get_review_comments()) == []
    assert [review.state for review in pull.get_reviews()] == ["PENDING"]
    assert list(pull_of(github, github.token("bob")).get_reviews()) == []
    assert "one pending review" in refusal(post_review, pull, inline()).data["errors"][0]
    pending.delete()
    assert not github.comments
    submitted = post_review(pull, inline())
    assert refusal(submitted.delete).status == 422
    change = pull.create_review(body="No.", event="REQUEST_CHANGES")
    change.dismiss("well")
    assert [review.state for review in pull.get_reviews()] == ["COMMENTED", "DISMISSED"]
    github.check()


def test_a_commit_that_was_thrown_out_cannot_be_reviewed(github: GitHubDouble) -> None:
    pull = pull_of(github)
    old = pull.base.repo.get_commit(pull.head.sha)
    github.push(REPO, "feature", {"a.py": HEAD.replace("ten", "TEN")})
    behind = pull.create_review(commit=old, body="", event="COMMENT", comments=[inline()])  # type: ignore[list-item]
    assert behind.commit_id == old.sha
    (comment,) = pull.get_review_comments()
    assert (comment.line, comment.original_line, comment.original_commit_id) == (None, 10, old.sha)
    github.push(REPO, "feature", {"a.py": HEAD}, onto="main", message="Again")
    refused = refusal(pull.create_review, commit=old, body="x", event="COMMENT")
    assert refused.data["errors"] == ["Commit oid is not part of the pull request"]
    github.check()


# ---------------------------------------------------------------------------------- held against the contract


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint", "status"),
    [
        ("POST", "/pulls/1/reviews", {"event": "COMENT", "body": "x"}, "COMENT", 422),
        ("POST", "/pulls/1/reviews", {"body": None}, "None", 422),
        ("POST", "/pulls/1/reviews", {"body": "x", "comments": [inline(start_line="1")]}, "start_line", 422),
        ("POST", "/pulls/1/reviews", {"comments": [inline(lines=1)]}, "unknown property comments.0.lines", 200),
        ("POST", "/pulls/1/reviews", {"title": "x", "body": "x"}, "unknown property title", 200),
        ("GET", "/pulls/1/files?perpage=3", None, "unknown query parameter 'perpage'", 200),
        ("GET", "/pulls?state=opened", None, "opened", 422),
        ("POST", "/check-runs", {"name": "x"}, "head_sha", 422),
        ("POST", "/issues/1/comments", {}, "body", 422),
        ("POST", "/issues/1/comments", None, "the body is missing", 422),
        ("GET", "/pulls/1/nothing", None, "no operation", 404),
    ],
)
def test_what_breaks_the_contract_is_told(
    github: GitHubDouble, method: str, path: str, body: Any, complaint: str, status: int
) -> None:
    token = github.actions_token(REPO, **EVERYTHING)  # type: ignore[arg-type]
    url = f"{github.url}/repos/{REPO}{path}"
    answer = requests.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert answer.status_code == status
    with pytest.raises(AssertionError, match=complaint):
        github.check()


def test_the_double_is_held_to_the_contract_too() -> None:
    found = contract().find("GET", f"/repos/{REPO}/pulls/1/comments")
    assert found is not None
    operation, _ = found
    assert contract().reply_errors(operation, 200, "application/json", []) == []
    wrong = contract().reply_errors(operation, 200, "application/json", [{"id": "one", "colour": "red"}])
    assert any("'one' is not of type" in error for error in wrong)
    assert "reply: unknown property 0.colour" in wrong
    assert contract().reply_errors(operation, 201, "application/json", []) == ["status 201 is not described"]


def test_all_that_is_described_is_there(github: GitHubDouble) -> None:
    assert contract().names == AllOperations(github).names


def test_bad_json_and_no_user_agent(github: GitHubDouble) -> None:
    token = github.actions_token(REPO, **EVERYTHING)  # type: ignore[arg-type]
    url = f"{github.url}/repos/{REPO}/issues/1/comments"
    headers = {"Authorization": f"token {token}"}
    assert requests.post(url, data=b"{", headers=headers, timeout=10).json()["message"] == "Problems parsing JSON"
    with pytest.raises(AssertionError, match="no JSON"):
        github.check()
    with socket.create_connection(("127.0.0.1", github.port)) as plain:
        plain.sendall(f"GET /repos/{REPO} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert b" 403 " in plain.recv(200)


# --------------------------------------------------------------------------------------- pushes move comments


def commented(github: GitHubDouble, *comments: dict[str, Any]) -> PullRequest:
    pull = pull_of(github)
    post_review(pull, *comments)
    return pull


def test_a_comment_follows_its_lines(github: GitHubDouble) -> None:
    pull = commented(github, inline(), inline(line=31, start_line=30))
    old = pull.head.sha
    head = github.push(REPO, "feature", {"a.py": "# one\n# two\n" + HEAD})
    one, two = pull.get_review_comments()
    assert (one.line, one.original_line, one.commit_id, one.original_commit_id) == (12, 10, head, old)
    assert (two.line, two.start_line, two.original_line, two.original_start_line) == (33, 32, 31, 30)
    assert one.position is not None
    github.check()


def test_a_comment_whose_line_changes_is_outdated(github: GitHubDouble) -> None:
    pull = commented(github, inline(), inline(line=33, start_line=30))
    old = pull.head.sha
    github.push(REPO, "feature", {"a.py": HEAD.replace("'ten'", "10.0").replace("x31 = 31", "x31 = 3.1")})
    for comment, line, start in zip(pull.get_review_comments(), (10, 33), (None, 30), strict=True):
        raw = comment.raw_data
        assert (raw["line"], raw["position"], raw["start_line"]) == (None, None, None)
        assert (raw["original_line"], raw["original_start_line"], raw["original_position"] > 0) == (
            line,
            start,
            True,
        )
        assert raw["commit_id"] == old
    github.push(REPO, "feature", {"a.py": HEAD})
    assert [comment.line for comment in pull.get_review_comments()] == [10, 33]
    github.check()


def test_a_comment_is_outdated_where_the_diff_no_longer_shows_its_line(github: GitHubDouble) -> None:
    pull = commented(github, inline(line=12), inline("new.py", 1))
    github.push(REPO, "feature", {"a.py": BASE, "new.py": None, "c.py": "c = 1\n"})
    assert [comment.raw_data["line"] for comment in pull.get_review_comments()] == [None, None]
    github.check()


def test_a_rebase_keeps_what_it_can(github: GitHubDouble) -> None:
    pull = commented(github, inline(), inline(line=10, side="LEFT"), inline(line=33, start_line=30))
    github.reply(github.comments_on(github.pull(REPO, 1))[0].id, "Really?", author="bob")
    main = github.push(
        REPO, "main", {"a.py": "import os\n" + BASE.replace("x40 = 40", "x40 = 4.0"), "d.py": "d = 1\n"}
    )
    head = github.rebase(REPO, "feature", "main")
    fresh = pull_of(github)
    assert (fresh.head.sha, fresh.base.sha) == (head, main)
    assert [commit.sha for commit in fresh.get_commits()] == [head]
    shown = [(comment.line, comment.start_line, comment.commit_id) for comment in pull.get_review_comments()]
    assert shown == [(11, None, head), (11, None, head), (34, 31, head), (11, None, head)]
    assert github.file(REPO, "feature", "d.py") == b"d = 1\n"
    with pytest.raises(GitFailed):
        github.push(REPO, "main", {"a.py": "all new\n"})
        github.rebase(REPO, "feature", "main")
    github.check()


def test_a_push_by_git_is_noticed(github: GitHubDouble, tmp_path: Path) -> None:
    pull = commented(github, inline())
    work = cloned(github, tmp_path, REPO)
    run_git(work, "checkout", "-q", "feature")
    (work / "a.py").write_text("# first\n" + HEAD)
    run_git(work, "commit", "-qam", "By hand")
    refused = run_git(work, "push", "-q", fails=True)
    assert "could not read Username" in refused
    token = github.token("alice", rights={"contents": "write"})
    run_git(work, *authorized(token), "push", "-q", "origin", "feature")
    assert [comment.line for comment in pull.get_review_comments()] == [11]
    assert pull_of(github).head.sha == run_git(work, "rev-parse", "HEAD").strip()
    reader = github.token("carol", rights={"contents": "read"})
    (work / "a.py").write_text("gone\n")
    run_git(work, "commit", "-qam", "Again")
    assert "403" in run_git(work, *authorized(reader), "push", "-q", "origin", "feature", fails=True)
    github.check()


def test_a_pull_request_from_a_fork(github: GitHubDouble, tmp_path: Path) -> None:
    fork = github.fork(REPO, "stranger")
    github.push(fork, "idea", {"a.py": BASE + "more = 1\n"}, author="stranger")
    number = github.open_pull(REPO, "stranger:idea", author="stranger", draft=True)
    pull = client(github).get_repo(REPO).get_pull(number)
    assert (pull.head.label, pull.head.repo.full_name, pull.head.repo.fork) == ("stranger:idea", fork, True)
    assert pull.draft
    assert pull.base.repo.full_name == REPO
    assert [found.number for found in pull.base.repo.get_pulls(head="stranger:idea")] == [number]
    before = pull.head.sha
    after = github.push(fork, "idea", {"a.py": BASE + "most = 1\n"}, author="stranger", onto="main")
    work = cloned(github, tmp_path, REPO)
    run_git(work, "fetch", "-q", "origin", f"refs/pull/{number}/head")
    assert run_git(work, "rev-parse", "FETCH_HEAD").strip() == after != before
    run_git(work, "fetch", "-q", "origin", f"refs/pull/{number}/merge")
    assert run_git(work, "rev-parse", "FETCH_HEAD^1", "FETCH_HEAD^2").split() == [pull.base.sha, after]
    github.close_pull(REPO, number, merged=True)
    merged = client(github).get_repo(REPO).get_pull(number)
    assert (merged.state, merged.merged) == ("closed", True)
    assert github.file(REPO, "main", "a.py") == (BASE + "most = 1\n").encode()
    github.check()


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
@settings(max_examples=30, deadline=None)
def test_lines_that_bear_comments_are_those_of_the_diff(old: list[str], new: list[str]) -> None:
    """By another reader of unified diffs, for any two files."""
    with GitHubDouble() as double:
        double.repository(REPO, {"f": "".join(f"{line}\n" for line in old), "g": "g"})
        double.push(REPO, "feature", {"f": "".join(f"{line}\n" for line in new), "g": "h"})
        double.open_pull(REPO, "feature")
        patches = {patch.path: patch for patch in double.patches(REPO, 1)}
        text = "".join(patch.raw for patch in patches.values())
        shown = {file.path: file for file in PatchSet(text)}
        assert ("f" in patches) == (old != new)
        for path, patch in patches.items():
            lines = [line for hunk in shown[path] for line in hunk if line.line_type != "\\"]
            expected = [(line.source_line_no, line.target_line_no) for line in lines]
            assert [(row.old, row.new) for row in patch.rows] == expected
            assert (patch.additions, patch.deletions) == (shown[path].added, shown[path].removed)


@given(
    st.lists(st.sampled_from(["p", "q", ""]), max_size=6), st.lists(st.sampled_from(["p", "q", ""]), max_size=6)
)
@settings(max_examples=20, deadline=None)
def test_a_line_is_followed_over_what_happens_around_it(above: list[str], below: list[str]) -> None:
    with GitHubDouble() as double:
        double.repository(REPO, {"f": ""})
        double.push(REPO, "feature", {"f": "one\nmark 1\nmark 2\nend\n"})
        double.open_pull(REPO, "feature")
        comment = double.comment_on_line(REPO, 1, "f", 3, "Hm.", start_line=2)
        content = [*above, "mark 1", "mark 2", *below]
        double.push(REPO, "feature", {"f": "".join(f"{line}\n" for line in content)})
        held = double.comments[comment]
        assert (held.start_line, held.line) == (len(above) + 1, len(above) + 2)
        double.push(REPO, "feature", {"f": "".join(f"{line}\n" for line in [*above, "mark 1", "", "mark 2"])})
        assert held.outdated


# -------------------------------------------------------------------------------------------------- suggestions


def suggested(github: GitHubDouble, text: str, fence: str = "```", **place: Any) -> int:
    post_review(pull_of(github), inline(body=f"Try this:\n\n{fence}suggestion\n{text}{fence}\n\nOr not.", **place))
    return max(github.comments)


def test_a_suggestion_is_committed(github: GitHubDouble) -> None:
    comment = suggested(github, "x10 = 10.5\n")
    before = github.pull(REPO, 1).head
    content = github.apply_suggestion(comment)
    assert content == HEAD.replace("x10 = 'ten'", "x10 = 10.5").encode() == github.file(REPO, "feature", "a.py")
    assert github.pull(REPO, 1).heads[-2:] == [before, github.pull(REPO, 1).head]
    assert github.comments[comment].outdated


@pytest.mark.parametrize(
    ("text", "place", "old", "new"),
    [
        ("a\nb\nc\n", {"line": 10}, "x10 = 'ten'\n", "a\nb\nc\n"),
        ("", {"line": 10}, "x10 = 'ten'\n", ""),
        ("\n", {"line": 10}, "x10 = 'ten'\n", "\n"),
        ("one\n", {"line": 33, "start_line": 31}, "extra = 1\nx31 = 31\nx32 = 32\n", "one\n"),
        ("\tx = 1  \n", {"line": 10}, "x10 = 'ten'\n", "\tx = 1  \n"),
        ('d = """\n``` in it\n"""\n', {"line": 10}, "x10 = 'ten'\n", 'd = """\n``` in it\n"""\n'),
    ],
)
def test_a_suggestion_takes_the_place_of_its_lines(
    github: GitHubDouble, text: str, place: dict[str, Any], old: str, new: str
) -> None:
    assert old in HEAD
    assert github.apply_suggestion(suggested(github, text, "````", **place)) == HEAD.replace(old, new).encode()


def test_line_ends_of_suggestions(github: GitHubDouble) -> None:
    github.push(REPO, "feature", {"dos.py": "a = 1\r\nb = 2\r\nc = 3", "one.py": "a"})
    suggested(github, "b = 3\n", path="dos.py", line=2)
    assert github.apply_suggestion(max(github.comments)) == b"a = 1\r\nb = 3\nc = 3"
    suggested(github, "c = 4\n", path="dos.py", line=3)
    assert github.apply_suggestion(max(github.comments)) == b"a = 1\r\nb = 3\nc = 4\n"


def test_suggestions_that_have_no_button(github: GitHubDouble) -> None:
    def refused(comment: int) -> str:
        with pytest.raises(SuggestionRefused) as caught:
            github.apply_suggestion(comment)
        return str(caught.value)

    assert "no suggestion" in refused(github.comment_on_line(REPO, 1, "a.py", 10, "```python\nx\n```"))
    assert "no changes were made" in refused(suggested(github, "x10 = 'ten'\n"))
    assert "deleted lines" in refused(suggested(github, "x\n", line=10, start_line=9))
    assert "deleted lines" in refused(suggested(github, "x\n", line=10, side="LEFT"))
    good = suggested(github, "x10 = 1\n")
    pending = pull_of(github).create_review(comments=[inline(body="```suggestion\nx\n```")])  # type: ignore
    assert "pending" in refused(max(github.comments))
    pending.delete()
    github.push(REPO, "feature", {"a.py": HEAD.replace("'ten'", "'TEN'")})
    assert "Outdated" in refused(good)
    again = suggested(github, "x10 = 1\n")
    github.close_pull(REPO, 1)
    assert "closed" in refused(again)


@pytest.mark.parametrize(
    ("body", "blocks"),
    [
        ("```suggestion\na\n```", ["a\n"]),
        ("````suggestion\n```\n````", ["```\n"]),
        ("~~~suggestion\na\n~~~", ["a\n"]),
        ("   ```suggestion\n   a\n    b\n   ```", ["a\n b\n"]),
        ("```suggestion\na\n", ["a\n"]),
        ("```suggestion\n```", [""]),
        ("    ```suggestion\n    a\n    ```", []),
        ("``suggestion\na\n``", []),
        ("```python\n```suggestion\n```", []),
        ("```suggestion\na\n``` \n```suggestion\nb\n```", ["a\n", "b\n"]),
        ("```suggestion x\na\n```", ["a\n"]),
        ("<!-- marker -->\n```suggestion\na\n```", ["a\n"]),
        ("<details>\n```suggestion\na\n```\n</details>", []),
        ("<details>\n\n```suggestion\na\n```\n\n</details>", ["a\n"]),
    ],
)
def test_fences_are_read_as_commonmark(body: str, blocks: list[str]) -> None:
    assert suggestions(body) == blocks


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)))
def test_a_fence_that_outgrows_its_content_holds_anything(lines: list[str]) -> None:
    fence = "`" * max(3, 1 + max((len(line) for line in lines), default=0))
    text = "".join(f"{line}\n" for line in lines)
    assert suggestions(f"Words.\n\n{fence}suggestion\n{text}{fence}") == [text]


# ---------------------------------------------------------------------------------------------------------- git


def run_git(where: Path, *arguments: str, fails: bool = False) -> str:
    names = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    quiet = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ASKPASS": "",
    }
    who = {
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=where, capture_output=True, text=True, check=False, env={**names, **quiet, **who}
    )
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def authorized(token: str) -> tuple[str, str]:
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return "-c", f"http.extraHeader=Authorization: Basic {basic}"


def cloned(github: GitHubDouble, folder: Path, repository: str, *options: str, token: str = "") -> Path:
    before = authorized(token) if token else ()
    run_git(folder, *before, "clone", "-q", *options, github.clone_url(repository), "work")
    return folder / "work"


def test_git_clones_whole_and_shallow(github: GitHubDouble, tmp_path: Path) -> None:
    head = github.pull(REPO, 1).head
    work = cloned(github, tmp_path, REPO, "--depth=1")
    assert run_git(work, "rev-list", "--count", "HEAD").strip() == "1"
    assert (work / "a.py").read_text() == BASE
    run_git(work, "fetch", "-q", "--depth=1", "origin", head)
    assert run_git(work, "show", f"{head}:a.py") == HEAD
    run_git(work, "fetch", "-q", "--unshallow", "origin", "refs/pull/1/head")
    assert run_git(work, "rev-list", "--count", "FETCH_HEAD").strip() == "2"
    listed = run_git(work, "ls-remote", f"{github.url}/{REPO}")
    assert f"{head}\trefs/pull/1/head" in listed
    assert {request.status for request in github.git_requests} == {200}


def test_git_needs_a_token_for_a_private_repository(github: GitHubDouble, tmp_path: Path) -> None:
    github.repository("octo/secret", {"a.py": "x = 1\n"}, private=True)
    url = github.clone_url("octo/secret")
    assert "could not read Username" in run_git(tmp_path, "ls-remote", url, fails=True)
    token = github.actions_token("octo/secret", contents="read")
    work = cloned(github, tmp_path, "octo/secret", token=token)
    assert (work / "a.py").read_text() == "x = 1\n"
    assert token not in (work / ".git/config").read_text()
    for other in (
        github.actions_token(REPO),
        github.actions_token("octo/secret", pull_requests="write"),
        "ghs_no",
    ):
        run_git(tmp_path, *authorized(other), "ls-remote", url, fails=True)
    run_git(tmp_path, "-c", f"http.extraHeader=Authorization: Bearer {token}", "ls-remote", url)
    assert "not found" in run_git(
        tmp_path, *authorized(token), "ls-remote", github.clone_url("octo/no"), fails=True
    )


# ------------------------------------------------------------------------------------------------------- faults

COMMENTS = "/repos/*/issues/1/comments"


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
def test_an_answer_in_the_place_of_the_work(github: GitHubDouble, status: int) -> None:
    pull = pull_of(github)
    github.inject(Fault.answer(status), "POST", COMMENTS)
    refused = refusal(pull.create_issue_comment, "hello")
    assert refused.status == status
    assert refused.data["message"]
    assert not github.issue_comments
    assert github.faults_left == 0
    pull.create_issue_comment("hello")
    assert len(github.issue_comments) == 1
    github.check()


def test_faults_meet_only_what_they_are_for(github: GitHubDouble) -> None:
    pull = pull_of(github)
    github.inject(Fault.answer(500), "POST", COMMENTS, times=2, skip=1)
    pull.create_issue_comment("one")
    assert refusal(pull.create_issue_comment, "two").status == 500
    post_review(pull, inline())
    assert list(pull.get_issue_comments())
    assert github.faults_left == 1
    github.drop_faults()
    pull.create_issue_comment("three")
    assert [exchange.fault for exchange in github.asked("issues/create-comment")] == ["", "answer", ""]


@pytest.mark.parametrize("status", [403, 429])
def test_the_primary_limit(github: GitHubDouble, status: int) -> None:
    pull = pull_of(github)
    github.inject(Fault.primary(90, status), "POST", COMMENTS)
    refused = refusal(pull.create_issue_comment, "hello")
    assert refused.status == status
    assert refused.data["message"].startswith("API rate limit exceeded for installation ID ")
    headers = refused.headers or {}
    assert headers["x-ratelimit-remaining"] == "0"
    assert 80 < int(headers["x-ratelimit-reset"]) - time.time() <= 91
    github.check()


def test_a_spent_allowance_is_a_primary_limit() -> None:
    now = [1_800_000_000.0]
    with GitHubDouble(now=lambda: now[0]) as github:
        github.repository(REPO, {"a.py": BASE})
        token = github.actions_token(REPO)
        api = client(github, token)
        api.get_repo(REPO)
        assert api.rate_limiting == (999, 1000)
        github.exhaust(token, reset_in=60)
        refused = refusal(api.get_repo, REPO)
        assert (refused.headers or {})["x-ratelimit-reset"] == "1800000060"
        assert api.get_rate_limit().rate.remaining == 0
        now[0] += 61
        api.get_repo(REPO)
        github.check()


@pytest.mark.parametrize("after", [7, None])
def test_a_secondary_limit(github: GitHubDouble, after: int | None) -> None:
    pull = pull_of(github)
    github.inject(Fault.secondary(after), "POST", COMMENTS)
    refused = refusal(pull.create_issue_comment, "hello")
    assert refused.status == 403
    assert refused.data["message"].startswith("You have exceeded a secondary rate limit.")
    assert (refused.headers or {}).get("retry-after") == (None if after is None else str(after))
    assert not github.issue_comments
    github.check()


def test_slow_cut_and_closed(github: GitHubDouble) -> None:
    token = github.actions_token(REPO, **EVERYTHING)  # type: ignore[arg-type]
    url, headers = f"{github.url}/repos/{REPO}/issues/1/comments", {"Authorization": f"Bearer {token}"}
    github.inject(Fault.slow(0.3), "POST", COMMENTS)
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json={"body": "slow"}, headers=headers, timeout=0.1)
    github.inject(Fault.cut(), "POST", COMMENTS)
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        requests.post(url, json={"body": "cut"}, headers=headers, timeout=10)
    github.inject(Fault.closed(), "POST", COMMENTS)
    with pytest.raises(requests.ConnectionError):
        requests.post(url, json={"body": "closed"}, headers=headers, timeout=10)
    assert [comment.body for comment in github.issue_comments.values()] == ["slow", "cut"]
    assert [exchange.status for exchange in github.asked("issues/create-comment")] == [201, 201, 0]
    github.check()


@pytest.mark.parametrize("status", [502, 0])
def test_an_answer_that_is_lost_after_the_write(github: GitHubDouble, status: int) -> None:
    pull = pull_of(github)
    github.inject(Fault.lost(status), "POST", "/repos/*/pulls/1/reviews")
    with pytest.raises(GithubException if status else requests.ConnectionError):
        post_review(pull, inline())
    assert len(github.reviews) == 1
    assert [comment.body for comment in pull.get_review_comments()] == ["Hm."]
    lost = github.asked("pulls/create-review")[0]
    assert (lost.status, lost.fault, lost.reply["state"]) == (status, "lost", "COMMENTED")
    github.check()


# ------------------------------------------------------------------------------------------------------- events


def test_payloads_of_events(github: GitHubDouble) -> None:
    event = github.pull_request_event(REPO, 1, "synchronize")
    assert (event["action"], event["number"], event["repository"]["full_name"]) == ("synchronize", 1, REPO)
    assert event["pull_request"]["head"]["sha"] == github.pull(REPO, 1).head
    told = github.issue_comment_event(github.comment(REPO, 1, "/tryline review", author="bob"))
    assert (told["comment"]["body"], told["sender"]["login"]) == ("/tryline review", "bob")
    assert told["issue"]["pull_request"]["url"] == event["pull_request"]["url"]
    assert github.pull_request_event(REPO, 1)["pull_request"]["user"]["type"] == "User"


def test_addresses_are_those_that_were_asked(github: GitHubDouble) -> None:
    request = urllib.request.Request(f"http://localhost:{github.port}/repos/{REPO}/pulls/1")
    with urllib.request.urlopen(request, timeout=10) as answer:
        body = json.load(answer)
    assert body["url"] == f"http://localhost:{github.port}/repos/{REPO}/pulls/1"
    assert body["_links"]["statuses"]["href"].startswith(f"http://localhost:{github.port}/")
