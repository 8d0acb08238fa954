"""The GitLab double does what GitLab does: its own client works with it, and it refuses what GitLab refuses."""

from __future__ import annotations

import hashlib
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from gitlab import Gitlab
from gitlab.exceptions import GitlabError
from servers.gitlab import NOTE_LIMIT, Fault, GitLabDouble, Note, SuggestionRefused
from servers.gitlab.contract import contract
from servers.gitlab.operations import Operations
from servers.gitlab.positions import FileDiff
from servers.gitlab.suggesting import applied, suggestions

PATH = "group/sub/hello"
BASE = "".join(f"line_{n} = {n}\n" for n in range(1, 41))
HEAD = BASE.replace("line_10 = 10\n", "line_10 = 0\nextra = 1\n").replace("line_30 = 30\n", "")
MOVED = "".join(f"word {n}\n" for n in range(1, 21))
NOWHERE = """400 Bad request - Note {:line_code=>["can't be blank", "must be a valid line code"]}"""


def filled(double: GitLabDouble) -> GitLabDouble:
    """One project, one merge request: a line changed and one added, one removed, a new file, a renamed one."""
    double.project(
        PATH,
        {"a.py": BASE, "old.py": MOVED, "gone.py": "x = 1\n"},
        members={"bob": "developer", "rae": "reporter", "gus": "guest", "mia": "maintainer"},
    )
    files = {
        "a.py": HEAD,
        "new.py": "one = 1\ntwo = 2\n",
        "old.py": None,
        "moved.py": MOVED + "more\n",
        "gone.py": None,
    }
    double.push(PATH, "feature", files)
    assert double.open_merge_request(PATH, "feature", title="Ten") == 1
    return double


@pytest.fixture
def gitlab() -> Iterator[GitLabDouble]:
    with GitLabDouble() as double:
        yield filled(double)


@pytest.fixture(scope="module")
def standing() -> Iterator[GitLabDouble]:
    """The same for tests that only look, or add notes that no other test counts."""
    with GitLabDouble() as double:
        yield filled(double)


def client(double: GitLabDouble, token: str = "", **more: Any) -> Gitlab:
    verify: bool | str = str(double.ca) if double.tls else True
    given = more or {"private_token": token or double.project_token(PATH)}
    return Gitlab(double.url, ssl_verify=verify, retry_transient_errors=False, **given)


def merge_of(double: GitLabDouble, token: str = "", **more: Any) -> Any:
    return client(double, token, **more).projects.get(PATH, lazy=True).mergerequests.get(1)


def refused(do: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[int | None, str]:
    with pytest.raises(GitlabError) as caught:
        do(*arguments, **named)
    return caught.value.response_code, str(caught.value.error_message)


def at(
    double: GitLabDouble, path: str = "a.py", old: int | None = None, new: int | None = None, **more: Any
) -> Any:
    refs = double.merge_request(PATH, 1).refs.shas()
    place = {**refs, "position_type": "text", "old_path": path, "new_path": path, "old_line": old, "new_line": new}
    return {name: value for name, value in (place | more).items() if value is not None}


def code(path: str, old: int, new: int) -> str:
    return f"{hashlib.sha1(path.encode()).hexdigest()}_{old}_{new}"


# ------------------------------------------------------------------------------------------------ the main flow


@pytest.mark.thorough
@pytest.mark.parametrize("where", [{}, {"prefix": "/gitlab", "tls": True}])
def test_a_bots_whole_day(where: dict[str, Any]) -> None:
    with GitLabDouble(**where) as double:
        filled(double)
        api = client(double)
        api.auth()
        assert api.user is not None
        assert api.user.bot
        project = api.projects.get(PATH)
        merge = project.mergerequests.get(1)
        assert (project.path_with_namespace, project.http_url_to_repo) == (PATH, double.clone_url(PATH))
        assert (merge.title, merge.target_branch, merge.draft, merge.author["username"]) == (
            "Ten",
            "main",
            False,
            "alice",
        )
        assert merge.web_url.startswith(double.url)
        version = merge.diffs.list(get_all=True)[0]
        assert version.head_commit_sha == merge.sha == merge.diff_refs["head_sha"]
        changes = {change["new_path"]: change for change in merge.diffs.get(version.id).diffs}
        assert changes["moved.py"]["old_path"] == "old.py"
        assert changes["moved.py"]["renamed_file"]
        assert changes["new.py"]["new_file"]
        assert changes["gone.py"]["deleted_file"]
        assert changes["new.py"]["diff"] == "@@ -0,0 +1,2 @@\n+one = 1\n+two = 2\n"

        sticky = merge.notes.create({"body": "running"})
        for body, new in (("one", 10), ("two", 11)):
            merge.draft_notes.create({"note": body, "position": at(double, new=new)})
        assert [draft.note for draft in merge.draft_notes.list(get_all=True)] == ["one", "two"]
        assert not merge_of(double, double.token("bob")).draft_notes.list(get_all=True)
        merge.draft_notes.bulk_publish()
        sticky.body = "done"
        sticky.save()
        first, second = (
            one for one in merge.discussions.list(get_all=True) if not one.attributes["individual_note"]
        )
        first.resolved = True
        first.save()
        first.notes.create({"body": "thanks"})
        second.notes.delete(second.attributes["notes"][0]["id"])
        project.commits.get(merge.sha).statuses.create({"state": "running", "name": "tryline"})
        project.commits.get(merge.sha).statuses.create(
            {"state": "success", "name": "tryline", "description": "fine"}
        )
        assert [one.status for one in project.commits.get(merge.sha).statuses.list(get_all=True)] == ["success"]
        assert [note.body for note in double.said(PATH, 1)] == ["done", "one", "thanks"]
        assert [len(mail.notes) for mail in double.mails] == [1, 2, 1]
        double.check()


def test_every_operation_is_described_and_kept() -> None:
    assert Operations(None).names == set(contract().operations)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- places


PLACES = [
    pytest.param({"new": 10}, True, id="added"),
    pytest.param({"new": 11}, True, id="added-too"),
    pytest.param({"old": 10, "new": 10}, False, id="added-with-an-old-line"),
    pytest.param({"old": 30}, True, id="removed"),
    pytest.param({"old": 30, "new": 30}, False, id="removed-with-a-new-line"),
    pytest.param({"old": 9, "new": 9}, True, id="unchanged"),
    pytest.param({"new": 9}, False, id="unchanged-by-its-new-line-alone"),
    pytest.param({"old": 9}, False, id="unchanged-by-its-old-line-alone"),
    pytest.param({"old": 12, "new": 13}, True, id="unchanged-and-moved"),
    pytest.param({"old": 12, "new": 12}, False, id="unchanged-and-moved-otherwise"),
    pytest.param({"old": 2, "new": 2}, True, id="unfolded-above"),
    pytest.param({"old": 20, "new": 21}, True, id="unfolded-between"),
    pytest.param({"old": 20, "new": 20}, False, id="unfolded-with-the-wrong-shift"),
    pytest.param({"old": 39, "new": 39}, True, id="unfolded-below"),
    pytest.param({"old": 99, "new": 99}, False, id="behind-the-end"),
    pytest.param({"path": "new.py", "new": 1}, True, id="new-file"),
    pytest.param({"path": "new.py", "old": 1, "new": 1}, False, id="new-file-with-an-old-line"),
    pytest.param({"path": "gone.py", "old": 1}, True, id="deleted-file"),
    pytest.param({"path": "moved.py", "old_path": "old.py", "new": 21}, True, id="renamed-added"),
    pytest.param({"path": "moved.py", "old_path": "old.py", "old": 20, "new": 20}, True, id="renamed-unchanged"),
    pytest.param({"path": "moved.py", "old": 20, "new": 20}, False, id="renamed-without-its-old-path"),
    pytest.param({"path": "nothing.py", "new": 1}, False, id="no-such-file"),
    pytest.param({"new": 10, "head_sha": "0" * 40}, False, id="no-such-head"),
    pytest.param({"new": 10, "base_sha": "0" * 40}, False, id="no-such-base"),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("place", "fits"), PLACES)
def test_places(standing: GitLabDouble, place: dict[str, Any], fits: bool) -> None:
    body = {"body": "Hm.", "position": at(standing, **place)}
    discussions = merge_of(standing).discussions
    if fits:
        assert discussions.create(body).attributes["notes"][0]["type"] == "DiffNote"
    else:
        assert refused(discussions.create, body) == (400, NOWHERE)
    standing.check()


@pytest.mark.thorough
def test_a_place_without_a_line_is_incomplete(standing: GitLabDouble) -> None:
    status, words = refused(merge_of(standing).discussions.create, {"body": "Hm.", "position": at(standing)})
    assert status == 400
    assert words.endswith(':position=>["is incomplete"]}')


@pytest.mark.thorough
def test_ranges_need_the_codes_of_their_lines(gitlab: GitLabDouble) -> None:
    merge = merge_of(gitlab)

    def create(start: dict[str, Any], end: dict[str, Any]) -> Any:
        line_range = {"start": start, "end": end}
        return merge.discussions.create({"body": "Hm.", "position": at(gitlab, new=11, line_range=line_range)})

    first, last = (
        {"line_code": code("a.py", 9, 9), "type": "old"},
        {"line_code": code("a.py", 11, 11), "type": "new"},
    )
    made = create(first, last).attributes["notes"][0]["position"]["line_range"]
    assert made == {"start": first, "end": last}
    gitlab.check()
    assert refused(create, {"type": "new", "new_line": 10}, {"type": "new", "new_line": 11}) == (400, NOWHERE)
    gitlab.check()
    # GitLab takes these, and shows them wrong.
    for start, end in (
        (first | {"type": "new"}, last),
        (first | {"line_code": code("b.py", 9, 9)}, last),
        (last, first),
    ):
        gitlab.contract_errors.clear()
        create(start, end)
        with pytest.raises(AssertionError, match="line_range"):
            gitlab.check()


@pytest.mark.thorough
def test_a_draft_off_the_diff_is_taken_and_lost(gitlab: GitLabDouble) -> None:
    merge = merge_of(gitlab)
    off, on = (merge.draft_notes.create({"note": "Hm.", "position": at(gitlab, new=new)}) for new in (9, 10))
    assert (off.line_code, on.line_code) == (None, code("a.py", 11, 10))
    off.publish()
    assert not gitlab.said(PATH, 1)
    on.publish()
    assert [note.body for note in gitlab.said(PATH, 1)] == ["Hm."]
    gitlab.check()


def test_lines_of_a_diff_have_both_numbers_as_codes_want_them() -> None:
    diff = "@@ -8,4 +8,5 @@ x\n a\n b\n-c\n+C\n+D\n d\n"
    file = FileDiff("a.py", "b.py", "100644", "100644", "R", diff, 40)
    assert [(line.old, line.new) for line in file.lines] == [
        (8, 8),
        (9, 9),
        (10, None),
        (None, 10),
        (None, 11),
        (11, 12),
    ]
    added = file.line(None, 11)
    assert added is not None
    assert file.code(added) == code("b.py", 11, 11)
    assert file.line(12, 13)
    assert not file.line(12, 12)
    assert not file.line(41, 42)


# ---------------------------------------------------------------------------------------------------- following


def on_line(double: GitLabDouble, line: int, *, removed: bool = False, body: str = "Hm.") -> Note:
    return double.notes[double.comment_on_line(PATH, 1, "a.py", line, body, removed=removed)]


@pytest.mark.thorough
def test_notes_follow_their_lines(gitlab: GitLabDouble) -> None:
    added, unchanged, removed = on_line(gitlab, 10), on_line(gitlab, 13), on_line(gitlab, 30, removed=True)
    gitlab.push(PATH, "feature", {"a.py": "# top\n" + HEAD})
    places = [
        (note.position["old_line"], note.position["new_line"])
        for note in (added, unchanged, removed)
        if note.position
    ]
    assert places == [(None, 11), (12, 14), (30, None)]
    assert not any(map(gitlab.outdated, (added, unchanged, removed)))
    assert len(gitlab.merge_request(PATH, 1).versions) == 2


@pytest.mark.thorough
def test_a_note_whose_line_changes_is_outdated_for_good(gitlab: GitLabDouble) -> None:
    changed, kept = on_line(gitlab, 10), on_line(gitlab, 11)
    gitlab.push(PATH, "feature", {"a.py": HEAD.replace("line_10 = 0", "line_10 = 5")})
    assert (gitlab.outdated(changed), gitlab.outdated(kept)) == (True, False)
    system = [note for note in gitlab.threads_of(changed) if note.system]
    assert [note.body for note in system] == ["changed this line in version 2 of the diff"]
    gitlab.push(PATH, "feature", {"a.py": HEAD})
    assert gitlab.outdated(changed)
    discussions = merge_of(gitlab).discussions.list(get_all=True)
    assert [one.attributes["notes"][-1]["system"] for one in discussions] == [True, False, True, True]
    gitlab.check()


@pytest.mark.thorough
def test_unchanged_and_removed_lines_go_as_well(gitlab: GitLabDouble) -> None:
    unchanged, removed = on_line(gitlab, 13), on_line(gitlab, 30, removed=True)
    gitlab.push(PATH, "feature", {"a.py": HEAD.replace("line_12 = 12", "line_12 = 5")})
    assert (gitlab.outdated(unchanged), gitlab.outdated(removed)) == (True, False)
    gitlab.push(PATH, "feature", {"a.py": HEAD.replace("line_29 = 29\n", "line_29 = 29\nline_30 = 30\n")})
    assert gitlab.outdated(removed)


@pytest.mark.thorough
def test_a_note_made_for_an_old_version_goes_where_its_line_is(gitlab: GitLabDouble) -> None:
    before = at(gitlab, new=10)
    gitlab.push(PATH, "feature", {"a.py": "# top\n" + HEAD})
    made = merge_of(gitlab).discussions.create({"body": "Late.", "position": before})
    assert made.attributes["notes"][0]["position"]["new_line"] == 11
    gitlab.check()


# -------------------------------------------------------------------------------------------------- suggestions


def suggested(text: str, reach: str = "", ticks: int = 3) -> str:
    return f"Try:\n\n{'`' * ticks}suggestion{reach}\n{text}{'`' * ticks}\n"


@pytest.mark.parametrize(
    ("content", "line", "body", "whole"),
    [
        (b"a\nb\nc\n", 2, suggested("B\n"), b"a\nB\nc\n"),
        (b"a\nb\nc\n", 2, suggested("B\n", ":-0+0"), b"a\nB\nc\n"),
        (b"a\nb\nc\n", 2, suggested("X\nY\n", ":-1+1"), b"X\nY\n"),
        (b"a\nb\nc", 3, suggested("C\n"), b"a\nb\nC"),
        (b"a\r\nb\r\nc\r\n", 2, suggested("X\nY\n"), b"a\r\nX\nY\r\nc\r\n"),
        (b"a\nb\nc\n", 2, suggested(""), b"a\nc\n"),
        (b"a\nb\nc\n", 1, suggested("X\n", ":-5+0"), b"X\nb\nc\n"),
        (b"a\nb\nc\n", 2, suggested("X\n", ":+1-1"), b"a\nX\nc\n"),
        (b"a\nb\nc\n", 2, suggested("X\n```\nY\n", ":-0+0", 4), b"a\nX\n```\nY\nc\n"),
    ],
)
def test_what_a_suggestion_makes_of_a_file(content: bytes, line: int, body: str, whole: bytes) -> None:
    assert applied(content, suggestions(body, line, content)[0]) == whole


def test_a_suggestion_reaches_a_hundred_lines() -> None:
    content = b"".join(b"%d\n" % n for n in range(300))
    assert suggestions(suggested("X\n", ":-150+150"), 150, content)[0].last == 250
    assert suggestions(suggested("X\n", ":-150+150"), 150, content)[0].first == 50


@pytest.mark.thorough
def test_applying_commits_and_resolves_the_thread(gitlab: GitLabDouble) -> None:
    note = on_line(gitlab, 11, body=suggested("line_10 = 100\n", ":-1+0"))
    changed = gitlab.apply_suggestion(note.id, author="bob")
    assert changed.decode() == HEAD.replace("line_10 = 0\nextra = 1\n", "line_10 = 100\n")
    assert gitlab.file(PATH, "feature", "a.py") == changed
    assert (note.resolved_by and note.resolved_by.username) == "bob"
    with pytest.raises(SuggestionRefused, match="Can't apply this suggestion"):
        gitlab.apply_suggestion(note.id)


@pytest.mark.thorough
def test_what_cannot_be_applied(gitlab: GitLabDouble) -> None:
    note, same = on_line(gitlab, 10, body=suggested("X\n")), on_line(gitlab, 11, body=suggested("extra = 1\n"))
    for author in ("gus", "stranger"):
        with pytest.raises(SuggestionRefused, match="permission"):
            gitlab.apply_suggestion(note.id, author=author)
    with pytest.raises(SuggestionRefused, match="already matches"):
        gitlab.apply_suggestion(same.id)
    with pytest.raises(SuggestionRefused, match="no suggestion"):
        gitlab.apply_suggestion(on_line(gitlab, 30, removed=True, body=suggested("X\n")).id)
    gitlab.push(PATH, "feature", {"a.py": HEAD.replace("line_10 = 0", "line_10 = 5")})
    with pytest.raises(SuggestionRefused, match="this line was changed in a more recent version"):
        gitlab.apply_suggestion(note.id)
    gitlab.close(PATH, 1)
    with pytest.raises(SuggestionRefused, match="is closed"):
        gitlab.apply_suggestion(note.id)


# ------------------------------------------------------------------------------------------------------- tokens


def asked(double: GitLabDouble, method: str, path: str, headers: dict[str, str], **more: Any) -> tuple[int, str]:
    answer = requests.request(method, f"{double.api_url}{path}", headers=headers, timeout=10, **more)
    return answer.status_code, answer.text


MR = "/projects/group%2Fsub%2Fhello/merge_requests/1"
UNKNOWN = '{"message": "401 Unauthorized"}'


@pytest.mark.thorough
def test_what_a_job_token_may(gitlab: GitLabDouble) -> None:
    job = {"JOB-TOKEN": gitlab.job_token(PATH)}
    for path in ("", "/notes"):
        assert asked(gitlab, "GET", MR + path, job)[0] == 200
    assert asked(gitlab, "GET", MR.removesuffix("/1"), job)[0] == 200
    for path in ("/discussions", "/versions", "/draft_notes"):
        assert asked(gitlab, "GET", MR + path, job) == (401 if path != "/versions" else 404, *[
            UNKNOWN if path != "/versions" else '{"message": "404 Project Not Found"}'
        ])  # fmt: skip
    assert asked(gitlab, "GET", "/user", job) == (401, UNKNOWN)
    assert asked(gitlab, "POST", f"{MR}/notes", job, json={"body": "x"}) == (401, UNKNOWN)
    # It is none that comes in another header, and it ends with the job.
    assert asked(gitlab, "GET", MR, {"PRIVATE-TOKEN": job["JOB-TOKEN"]}) == (401, UNKNOWN)
    gitlab.revoke(job["JOB-TOKEN"])
    assert asked(gitlab, "GET", MR, job) == (401, UNKNOWN)
    gitlab.check()


@pytest.mark.thorough
def test_a_job_of_a_fork_sees_its_own_project_alone(gitlab: GitLabDouble) -> None:
    gitlab.fork(PATH, "eve/hello", "eve")
    job = {"JOB-TOKEN": gitlab.job_token("eve/hello", "bob")}
    assert asked(gitlab, "GET", MR, job) == (404, '{"message": "404 Project Not Found"}')
    gitlab.projects[PATH].allowlist.add("eve/hello")
    assert asked(gitlab, "GET", MR, job)[0] == 200


@pytest.mark.thorough
def test_scopes_and_ends_of_tokens(gitlab: GitLabDouble) -> None:
    def tried(token: str, method: str = "GET", path: str = MR, **more: Any) -> tuple[int, str]:
        return asked(gitlab, method, path, {"PRIVATE-TOKEN": token}, **more)

    reader = gitlab.token("bob", scopes=["read_api"])
    assert tried(reader)[0] == 200
    status, words = tried(reader, "POST", f"{MR}/notes", json={"body": "x"})
    assert (status, "insufficient_scope" in words) == (403, True)
    assert tried(gitlab.token("bob", scopes=["read_user"]), path="/user")[0] == 200
    assert tried(gitlab.token("bob", scopes=["read_repository"]))[0] == 403
    for state, word in (("expired", "Token is expired"), ("revoked", "Token was revoked")):
        status, words = tried(gitlab.token("bob", state=state))  # type: ignore[arg-type]
        assert (status, word in words) == (401, True)
    assert tried("glpat-none") == (401, UNKNOWN)
    assert tried(gitlab.deploy_token(PATH)) == (401, UNKNOWN)
    assert asked(gitlab, "GET", MR, {}) == (404, '{"message": "404 Project Not Found"}')
    assert asked(gitlab, "GET", MR, {"Authorization": f"Bearer {reader}"})[0] == 200
    assert tried(gitlab.token("stranger")) == (404, '{"message": "404 Project Not Found"}')
    gitlab.check()


@pytest.mark.thorough
def test_roles(gitlab: GitLabDouble) -> None:
    def tried(token: str, method: str, path: str, **body: Any) -> int:
        return asked(gitlab, method, path, {"PRIVATE-TOKEN": token}, json=body or None)[0]

    theirs = gitlab.comment(PATH, 1, "Mine.", "alice")
    thread = gitlab.notes[gitlab.comment_on_line(PATH, 1, "a.py", 10, "Hm.")].discussion
    status = f"/projects/group%2Fsub%2Fhello/statuses/{gitlab.merge_request(PATH, 1).head}"
    table = {
        "gus": (404, 404, 404, 403),
        "rae": (201, 403, 403, 403),
        "bob": (201, 403, 200, 201),
        "mia": (201, 200, 200, 201),
    }
    for username, expected in table.items():
        token = gitlab.token(username)
        assert expected == (
            tried(token, "POST", f"{MR}/notes", body="x"),
            tried(token, "PUT", f"{MR}/notes/{theirs}", body="y"),
            tried(token, "PUT", f"{MR}/discussions/{thread}", resolved=True),
            tried(token, "POST", status, state="success", name=username),
        ), username
    for role, expected in (("reporter", 403), ("developer", 201)):
        assert tried(gitlab.project_token(PATH, role=role), "POST", status, state="success", name=role) == expected  # type: ignore[arg-type]
    gitlab.check()


@pytest.mark.thorough
def test_a_groups_token_works_in_its_projects_alone(gitlab: GitLabDouble) -> None:
    gitlab.project("other/hello", {"a.py": "x = 1\n"})
    headers = {"PRIVATE-TOKEN": gitlab.group_token("group")}
    assert asked(gitlab, "POST", f"{MR}/notes", headers, json={"body": "x"})[0] == 201
    assert asked(gitlab, "GET", "/projects/other%2Fhello", headers)[0] == 404
    assert gitlab.said(PATH, 1)[0].author.bot
    gitlab.check()


@pytest.mark.thorough
def test_notes_hold_something_and_not_too_much(gitlab: GitLabDouble) -> None:
    notes = merge_of(gitlab).notes
    assert refused(notes.create, {"body": " \n"}) == (
        400,
        """400 Bad request - Note {:note=>["can't be blank"]}""",
    )
    status, words = refused(notes.create, {"body": "x" * (NOTE_LIMIT + 1)})
    assert (status, "is too long" in words) == (400, True)
    notes.create({"body": "x" * NOTE_LIMIT})
    title = refused(client(gitlab).projects.get(PATH, lazy=True).issues.create, {"title": "x" * 256})
    assert title[0] == 400
    gitlab.check()


@pytest.mark.thorough
def test_an_author_resolves_threads_of_their_own_merge_request(gitlab: GitLabDouble) -> None:
    gitlab.push(PATH, "other", {"b.py": "b = 1\n"})
    iid = gitlab.open_merge_request(PATH, "other", author="rae")
    note = gitlab.notes[gitlab.comment_on_line(PATH, iid, "b.py", 1, "Hm.")]
    merge = client(gitlab, gitlab.token("rae")).projects.get(PATH, lazy=True).mergerequests.get(iid)
    thread = merge.discussions.get(note.discussion)
    thread.resolved = True
    thread.save()
    assert note.resolved_by == gitlab.account("rae")
    reply = gitlab.notes[gitlab.reply(note.id, "No.", "bob")]
    assert (note.resolved_by, reply.resolved_by) == (gitlab.account("rae"), gitlab.account("bob"))
    merge.draft_notes.create({"note": "Yes.", "in_reply_to_discussion_id": note.discussion}).publish()
    assert not any(one.resolved for one in gitlab.threads_of(note))
    gitlab.check()


@pytest.mark.thorough
def test_git_takes_the_tokens_that_gitlab_takes(gitlab: GitLabDouble, tmp_path: Path) -> None:
    def run(*words: str, user: str = "", where: Path = tmp_path) -> int:
        address = gitlab.clone_url(PATH).replace("://", f"://{user}@") if user else gitlab.clone_url(PATH)
        command = ["git", *words[:1], "--quiet", *words[1:-1], address, *words[-1:]]
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(command, cwd=where, env=environment, capture_output=True, check=False).returncode

    job, token, reader = (
        gitlab.job_token(PATH),
        gitlab.token("bob"),
        gitlab.token("rae", scopes=["read_repository"]),
    )
    assert run("clone", "copy", user=f"gitlab-ci-token:{job}") == 0
    for user in (f"oauth2:{token}", f"oauth2:{reader}", f"gitlab+deploy-token:{gitlab.deploy_token(PATH)}"):
        assert run("ls-remote", "HEAD", user=user) == 0
    for user in (
        "",
        f"oauth2:{job}",
        "oauth2:glpat-none",
        f"oauth2:{gitlab.token('gus')}",
        f"oauth2:{gitlab.token('eve')}",
    ):
        assert run("ls-remote", "HEAD", user=user) != 0
    copy = tmp_path / "copy"
    assert run("push", "HEAD:refs/heads/pushed", user=f"oauth2:{token}", where=copy) == 0
    assert gitlab.projects[PATH].repository.heads()["pushed"]
    for user in (f"gitlab-ci-token:{job}", f"oauth2:{reader}"):
        assert run("push", "HEAD:refs/heads/other", user=user, where=copy) != 0


# ----------------------------------------------------------------------------------------------- the contract


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/notes", {"body": "x", "position": {}}, 201, "notes/create has no parameter position"),
        ("POST", "/notes", {"text": "x"}, 400, "body is missing"),
        (
            "POST",
            "/discussions",
            {"body": "x", "position": {"head_sha": "x"}},
            400,
            "position[base_sha] is missing",
        ),
        ("PUT", "", {"state_event": "merge"}, 400, "state_event does not have a valid value"),
        ("POST", "/notes", {"body": "/close"}, 201, "nothing but quick actions"),
        ("POST", "/approve", None, 401, "approvals are none of a bot's business"),
        ("GET", "/approvals", None, 401, "approvals"),
        ("GET", "/pipelines", None, 404, "no operation"),
        ("GET", "/notes?private_token=x", None, 200, "a token in the address"),
    ],
)
def test_what_breaks_the_contract(
    gitlab: GitLabDouble, method: str, path: str, body: Any, status: int, message: str
) -> None:
    got = asked(gitlab, method, MR + path, {"PRIVATE-TOKEN": gitlab.token("bob")}, json=body)
    assert got[0] == status
    with pytest.raises(AssertionError) as caught:
        gitlab.check()
    assert message in str(caught.value)


@pytest.mark.thorough
def test_a_reply_that_is_not_as_described_is_told(gitlab: GitLabDouble) -> None:
    gitlab.merge_request(PATH, 1).labels = [7]  # type: ignore[list-item]
    asked(gitlab, "GET", MR, {"PRIVATE-TOKEN": gitlab.token("bob")})
    with pytest.raises(AssertionError, match="labels/0: 7 is not of type 'string'"):
        gitlab.check()


@pytest.mark.thorough
def test_forms_are_read_as_json_is(gitlab: GitLabDouble) -> None:
    place = {f"position[{name}]": str(value) for name, value in at(gitlab, old=9, new=9).items()}
    headers = {"PRIVATE-TOKEN": gitlab.token("bob")}
    assert asked(gitlab, "POST", f"{MR}/discussions", headers, data={"body": "Hm.", **place})[0] == 201
    assert asked(gitlab, "POST", f"{MR}/discussions", headers, params={"body": "Hm.", **place})[0] == 201
    gitlab.check()


@pytest.mark.thorough
def test_pages(gitlab: GitLabDouble) -> None:
    for number in range(25):
        gitlab.comment(PATH, 1, f"{number}")
    merge = merge_of(gitlab)
    first = merge.notes.list(iterator=True)
    assert (first.total, first.total_pages, first.next_page, first.per_page) == (25, 2, 2, 20)
    assert [note.body for note in merge.notes.list(get_all=True, sort="asc")] == [str(n) for n in range(25)]
    for number in range(25):
        gitlab.open_issue(PATH, f"{number}")
    issues = client(gitlab).projects.get(PATH, lazy=True).issues
    rows = issues.list(get_all=True, pagination="keyset", order_by="created_at", sort="asc", per_page=10)
    assert [issue.title for issue in rows] == [str(n) for n in range(25)]
    gitlab.check()


@pytest.mark.thorough
def test_drafts_come_all_at_once(gitlab: GitLabDouble) -> None:
    merge = merge_of(gitlab)
    for number in range(3):
        merge.draft_notes.create({"note": f"{number}"})
    answer = requests.get(f"{gitlab.api_url}{MR}/draft_notes?per_page=1&page=2", timeout=10, headers={
        "PRIVATE-TOKEN": str(merge.manager.gitlab.private_token)})  # fmt: skip
    assert (len(answer.json()), "x-next-page" in answer.headers) == (3, False)


# ------------------------------------------------------------------------------------------------------- faults


@pytest.mark.thorough
def test_faults(gitlab: GitLabDouble) -> None:
    merge = merge_of(gitlab)
    path = "/projects/*/merge_requests/1/notes"
    gitlab.inject(Fault.answer(403), "POST", path)
    assert refused(merge.notes.create, {"body": "a"}) == (403, "403 Forbidden")
    gitlab.inject(Fault.lost(), "POST", path)
    assert refused(merge.notes.create, {"body": "b"})[0] == 502
    gitlab.inject(Fault.limited(7), "POST", path)
    token = {"PRIVATE-TOKEN": gitlab.token("bob")}
    answer = requests.post(f"{gitlab.api_url}{MR}/notes", json={"body": "c"}, headers=token, timeout=10)
    assert (answer.status_code, answer.headers["retry-after"], answer.text) == (429, "7", "Retry later\n")
    for fault in (Fault.cut(), Fault.closed(), Fault.lost(0)):
        gitlab.inject(fault, "POST", path)
        with pytest.raises(requests.RequestException):
            requests.post(f"{gitlab.api_url}{MR}/notes", json={"body": fault.kind}, headers=token, timeout=10)
    assert [note.body for note in gitlab.said(PATH, 1)] == ["b", "cut", "lost"]
    assert gitlab.faults_left == 0
    gitlab.exhaust(token["PRIVATE-TOKEN"])
    assert asked(gitlab, "GET", MR, token)[0] == 429
    gitlab.check()


@pytest.mark.thorough
def test_below_a_prefix_there_is_nothing_else() -> None:
    with GitLabDouble(prefix="/gitlab") as double:
        assert double.api_url.endswith("/gitlab/api/v4")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{double.port}/api/v4/version", timeout=10)
        assert caught.value.code == 404


@pytest.mark.thorough
def test_a_certificate_of_nobody_known_is_not_trusted() -> None:
    with GitLabDouble(tls=True) as double, pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{double.api_url}/version", timeout=10, verify=True)


# --------------------------------------------------------------------------------- issues, branches, statuses


@pytest.mark.thorough
def test_what_an_audit_keeps(gitlab: GitLabDouble) -> None:
    project = client(gitlab).projects.get(PATH)
    issue = project.issues.create({"title": "Audit", "description": "- [ ] one", "labels": "tryline"})
    issue.notes.create({"body": "news"})
    issue.state_event = "close"
    issue.save()
    assert [one.iid for one in project.issues.list(get_all=True, scope="created_by_me", state="closed")] == [1]
    held = gitlab.issue(PATH, 1)
    assert (held.state, held.labels, held.closed_by and held.closed_by.bot) == ("closed", ["tryline"], True)

    main = project.branches.get("main").commit["id"]
    file = project.files.get("a.py", ref="main")
    assert (file.decode().decode(), file.blob_id) == (
        BASE,
        hashlib.sha1(f"blob {len(BASE)}\0{BASE}".encode()).hexdigest(),
    )
    commit = {
        "branch": "tryline/1",
        "start_sha": main,
        "commit_message": "Faster",
        "actions": [
            {"action": "update", "file_path": "a.py", "content": "x = 1\n"},
            {"action": "create", "file_path": "run.sh", "content": "ZWNobwo=", "encoding": "base64",
             "execute_filemode": True},
        ],
    }  # fmt: skip
    made = project.commits.create(commit)
    assert (made.parent_ids, made.message) == ([main], "Faster")
    assert gitlab.file(PATH, "tryline/1", "a.py") == b"x = 1\n"
    assert project.files.get("run.sh", ref="tryline/1").execute_filemode
    assert refused(project.commits.create, commit)[0] == 400
    text = {
        "source_branch": "tryline/1",
        "target_branch": "main",
        "title": "Draft: Faster",
        "remove_source_branch": True,
    }
    assert project.mergerequests.create(text).draft
    assert refused(project.mergerequests.create, text)[0] == 409
    assert len(project.mergerequests.list(get_all=True, scope="created_by_me", source_branch="tryline/1")) == 1
    assert refused(project.branches.create, {"branch": "feature", "ref": "main"}) == (400, "Branch already exists")
    push = {"branch": "main", "commit_message": "x", "actions": [{"action": "delete", "file_path": "a.py"}]}
    assert refused(project.commits.create, push)[0] == 403
    project.branches.delete("tryline/1")
    gitlab.check()


@pytest.mark.thorough
def test_statuses_go_only_where_gitlab_lets_them(gitlab: GitLabDouble) -> None:
    commit = client(gitlab).projects.get(PATH).commits.get("feature")
    commit.statuses.create({"state": "running", "name": "t"})
    status, words = refused(commit.statuses.create, {"state": "running", "name": "t"})
    assert (status, words[:54]) == (400, "Cannot transition status via :run from :running (Reaso")
    commit.statuses.create({"state": "skipped", "name": "t"})
    commit.statuses.create({"state": "failed", "name": "t"})
    assert [one.status for one in commit.statuses.list(get_all=True)] == ["failed"]
    gitlab.check()
    gitlab.knows_no_skipped = True
    assert refused(commit.statuses.create, {"state": "skipped", "name": "t"})[0] == 400


@pytest.mark.thorough
def test_a_merge_request_of_a_fork(gitlab: GitLabDouble) -> None:
    gitlab.fork(PATH, "eve/hello", "eve")
    gitlab.push("eve/hello", "mine", {"a.py": HEAD}, author="eve")
    iid = gitlab.open_merge_request(PATH, "eve/hello:mine", author="eve")
    shown = client(gitlab).projects.get(PATH).mergerequests.get(iid)
    assert shown.source_project_id == gitlab.projects["eve/hello"].id != shown.target_project_id
    note = gitlab.comment_on_line(PATH, iid, "a.py", 10, suggested("line_10 = 7\n"))
    assert b"line_10 = 7\n" in gitlab.apply_suggestion(note, author="eve")
    assert shown.diffs.list(get_all=True)[0].head_commit_sha == gitlab.merge_request(PATH, iid).head
    gitlab.delete_project("eve/hello")
    assert client(gitlab).projects.get(PATH).mergerequests.get(iid).source_project_id is None
    gitlab.check()
