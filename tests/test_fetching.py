"""The commits of a pull request come into any checkout, as few as are needed, and the token stays out of sight."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from repositories import Repository, environment
from servers.git_http import GitHttp, serving

from bot import fetching
from bot.domain import Change
from bot.errors import ForgeError, RepositoryError, TrylineError
from bot.fetching import Patience, Wanted, enough, prepare
from bot.plan import Remote
from bot.workspace import Workspace

pytestmark = pytest.mark.thorough

TOKEN = "ghs_S3cretOfThisJob0123456789"
HEADER = "basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
SECRETS = (TOKEN, HEADER.split()[1])
ONE, TWO = "def f():\n    return 1\n", "def f():\n    return 2\n"


@dataclass
class Project:
    """A repository on a server, with a pull request."""

    origin: Repository
    head: str
    base: str
    fork_point: str

    def push(self) -> None:
        """Puts the pull request's refs where a platform has them."""
        self.origin.git("update-ref", "refs/pull/7/head", self.head)
        tree = self.origin.git("rev-parse", f"{self.head}^{{tree}}")
        merge = self.origin.git("commit-tree", tree, "-p", self.base, "-p", self.head, "-m", "merge")
        self.origin.git("update-ref", "refs/pull/7/merge", merge)


def project(root: Path, *, behind: int = 3, ahead: int = 2, before: int = 4) -> Project:
    """A main branch that went on by `behind` commits since the pull request's `ahead` commits left it."""
    origin = Repository(root / "shop.git")
    for number in range(before):
        origin.commit({"old.txt": f"{number}\n"})
    fork_point = origin.commit({"a.py": ONE, "b.py": ONE})
    origin.git("checkout", "--quiet", "-b", "feature")
    for number in range(ahead):
        origin.commit({"a.py": TWO, "notes.txt": f"{number}\n"})
    head = origin.git("rev-parse", "HEAD")
    origin.git("checkout", "--quiet", "main")
    many(origin, "main", behind)
    base = origin.git("rev-parse", "main")
    made = Project(origin, head, base, fork_point)
    made.push()
    origin.git("checkout", "--quiet", "--detach")
    origin.git("branch", "--quiet", "-D", "feature")
    return made


def many(origin: Repository, branch: str, count: int) -> None:
    """Adds commits to a branch, fast."""
    tip = origin.git("rev-parse", branch)
    lines = []
    for number in range(count):
        lines.append(
            f"commit refs/heads/{branch}\ncommitter A <a@example.com> {1704164645 + number} +0000\n"
            f"data 1\nx\n" + (f"from {tip}\n" if number == 0 else "") + f"M 644 inline main.txt\n"
            f"data {len(str(number))}\n{number}\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"],
        cwd=origin.path,
        env=environment(),
        input="".join(lines).encode(),
        check=True,
    )
    if origin.git("rev-parse", "--abbrev-ref", "HEAD") == branch:
        origin.git("reset", "--quiet", "--hard")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHttp]:
    (tmp_path / "srv").mkdir()
    with serving(tmp_path / "srv", header=HEADER) as running:
        yield running


@pytest.fixture
def shop(server: GitHttp) -> Project:
    return project(server.root)


def checkout(server: GitHttp, path: Path, ref: str = "refs/pull/7/merge", *options: str) -> Path:
    """A checkout as actions/checkout leaves it: one commit, and the token kept in its configuration."""
    repository = Repository(path)
    repository.git("remote", "add", "origin", server.url("shop.git"))
    repository.git("config", f"http.{server.base}/.extraheader", f"AUTHORIZATION: {HEADER}")
    options = options or ("--depth=1",)
    repository.git("fetch", "--quiet", "--no-tags", *options, "origin", f"+{ref}:refs/remotes/pull/7/merge")
    repository.git("checkout", "--quiet", "--detach", "refs/remotes/pull/7/merge")
    repository.git("config", "--unset", f"http.{server.base}/.extraheader")
    server.requests.clear()
    server.headers.clear()
    return path


def obtained(server: GitHttp, path: Path, made: Project, **more: Any) -> Workspace:
    given: dict[str, Any] = {"number": 7, "head": made.head, "base_ref": "main", "base": made.base}
    given |= {"environ": {"PATH": os.environ["PATH"]}, "patience": Patience(60, (0.0, 0.0))}
    return prepare(path, Remote(server.url("shop.git"), HEADER), **{**given, **more})


def compared(server: GitHttp, path: Path, made: Project, **more: Any) -> Change:
    with obtained(server, path, made, **more) as workspace:
        return workspace.change(made.base, made.head)


def right(change: Change, made: Project) -> None:
    assert change.base.commit == made.fork_point
    assert change.head.commit == made.head
    assert sorted(file.path for file in change.files) == ["a.py", "notes.txt"]


def refusal(server: GitHttp, path: Path, made: Project, **more: Any) -> TrylineError:
    with pytest.raises(TrylineError) as caught:
        obtained(server, path, made, **more)
    told = f"{caught.value.message} {caught.value.hint}"
    assert not [secret for secret in SECRETS if secret in told]
    assert caught.value.hint
    return caught.value


def count(path: Path, commit: str) -> int:
    return int(Repository.git(_At(path), "rev-list", "--count", commit))


class _At(Repository):
    """A repository that is there."""

    def __init__(self, path: Path) -> None:
        self.path = path


# ------------------------------------------------------------------------------------ what a checkout may be


def test_the_merge_commit_alone(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    right(compared(server, path, shop), shop)
    assert set(server.headers) == {f"{HEADER}"}


def test_the_default_branch_alone(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    right(compared(server, checkout(server, tmp_path / "work", "refs/heads/main"), shop), shop)


def test_a_folder_without_a_repository(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "left.txt").write_text("from before\n")
    right(compared(server, tmp_path / "work", shop), shop)
    assert (tmp_path / "work" / "left.txt").exists()
    right(compared(server, tmp_path / "work", shop), shop)


def test_a_folder_that_is_not_there(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    assert refusal(server, tmp_path / "work", shop).slug == "no-such-directory"


def test_where_all_is_there_nothing_is_asked(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work", "refs/pull/7/merge", "--no-auto-gc")
    right(compared(server, path, shop), shop)
    assert server.requests == []
    shallow = checkout(server, tmp_path / "other")
    compared(server, shallow, shop)
    server.requests.clear()
    right(compared(server, shallow, shop), shop)
    assert server.requests == []


def test_a_whole_history_is_not_cut(server: GitHttp, tmp_path: Path) -> None:
    made = project(server.root, before=80)
    path = checkout(server, tmp_path / "work", "refs/heads/main", "--no-auto-gc")
    right(compared(server, path, made), made)
    assert not (path / ".git" / "shallow").exists()
    assert count(path, made.base) == 84


def test_a_deep_checkout_is_not_made_shallower(server: GitHttp, tmp_path: Path) -> None:
    made = project(server.root, before=100)
    path = checkout(server, tmp_path / "work", "refs/heads/main", "--depth=90")
    right(compared(server, path, made), made)
    assert count(path, made.base) >= 90


def test_the_checkout_stays_as_it_is(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    (path / "b.py").write_text("edited = True\n")
    at = _At(path)
    before = (at.git("status", "--porcelain"), at.git("rev-parse", "HEAD"), (path / ".git/config").read_bytes())
    compared(server, path, shop)
    assert (
        at.git("status", "--porcelain"),
        at.git("rev-parse", "HEAD"),
        (path / ".git/config").read_bytes(),
    ) == before
    assert at.git("rev-parse", "refs/tryline/pull/7/head", "refs/tryline/base/7").split() == [shop.head, shop.base]
    assert at.git("fsck", "--connectivity-only") == ""
    assert not list((path / ".git").glob("*.lock"))


def test_a_linked_working_tree(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    _At(path).git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    right(compared(server, tmp_path / "linked", shop), shop)


def test_a_partial_clone_gets_the_files_that_it_lacks(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    shop.origin.git("config", "uploadpack.allowFilter", "true")
    work = Repository(tmp_path / "work")
    work.git("remote", "add", "origin", server.url("shop.git"))
    header = f"http.{server.base}/.extraheader=AUTHORIZATION: {HEADER}"
    filtered = ("--depth=1", "--filter=blob:none", "origin", "refs/pull/7/merge")
    work.git("-c", header, "fetch", "--quiet", *filtered)
    work.git("update-ref", "--no-deref", "HEAD", "FETCH_HEAD")  # as a sparse checkout: no file was needed yet
    with obtained(server, work.path, shop) as workspace:
        change = workspace.change(shop.base, shop.head)
        assert workspace.read_at(change.base, "a.py") == ONE.encode()
        assert workspace.read_at(change.head, "a.py") == TWO.encode()
        assert workspace.read_at(change.head, "b.py") == ONE.encode()


def test_another_git_at_work_is_not_disturbed(server: GitHttp, tmp_path: Path) -> None:
    shop = project(server.root, before=80)
    path = checkout(server, tmp_path / "work")
    lock = path / ".git" / "shallow.lock"
    lock.write_text("")
    error = refusal(server, path, shop)
    assert (error.slug, str(lock) in error.message) == ("git-failed", True)
    assert lock.exists()


# ------------------------------------------------------------------------------------------- how much history


@pytest.mark.parametrize(("behind", "most"), [(3, 120), (120, 480), (600, 2500), (1500, 5000)])
def test_history_is_deepened_until_the_merge_base(server: GitHttp, tmp_path: Path, behind: int, most: int) -> None:
    made = project(server.root, behind=behind, before=20)
    path = checkout(server, tmp_path / "work")
    right(compared(server, path, made), made)
    assert behind < count(path, made.base) <= most


def test_history_that_is_not_needed_is_not_fetched(server: GitHttp, tmp_path: Path) -> None:
    made = project(server.root, before=300)
    path = checkout(server, tmp_path / "work")
    right(compared(server, path, made), made)
    assert 50 <= count(path, made.base) <= 52


def test_the_nearest_common_ancestor_is_found_behind_the_cut(server: GitHttp, tmp_path: Path) -> None:
    """A short way leads to an old ancestor, and the long one, which is cut, to the right one."""
    origin = Repository(server.root / "shop.git")
    old = origin.commit({"a.py": ONE})
    near = origin.commit({"b.py": ONE})
    origin.git("checkout", "--quiet", "-b", "feature")
    head = origin.commit({"a.py": TWO, "notes.txt": "x\n"})
    head = origin.git("commit-tree", f"{head}^{{tree}}", "-p", head, "-p", old, "-m", "merges what is older")
    origin.git("checkout", "--quiet", "main")
    many(origin, "main", 70)
    side = origin.git("commit-tree", f"{old}^{{tree}}", "-p", old, "-m", "side")
    base = origin.git("commit-tree", "main^{tree}", "-p", "main", "-p", side, "-m", "merge of a side branch")
    origin.git("update-ref", "refs/heads/main", base)
    made = Project(origin, head, base, near)
    made.push()
    right(compared(server, checkout(server, tmp_path / "work"), made), made)


def test_unrelated_histories_are_compared_as_they_are(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    origin = shop.origin
    origin.git("checkout", "--quiet", "--orphan", "alien")
    shop.head = origin.commit({"a.py": TWO})
    shop.push()
    change = compared(server, checkout(server, tmp_path / "work"), shop)
    assert "no common ancestor" in change.base.name
    assert change.base.commit == shop.base


# ---------------------------------------------------------------------------------------------- what moves on


def test_a_head_that_was_pushed_over_is_still_reviewed(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work", "refs/heads/main")
    shop.origin.git("update-ref", "refs/pull/7/head", shop.fork_point)
    right(compared(server, path, shop), shop)


def test_a_rebased_head(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    compared(server, path, shop)
    shop.origin.git("checkout", "--quiet", shop.base)
    shop.head, shop.fork_point = shop.origin.commit({"a.py": TWO, "notes.txt": "again\n"}), shop.base
    shop.push()
    right(compared(server, path, shop), shop)


def test_a_head_that_is_gone(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    gone = "1" * 40
    error = refusal(server, path, shop, head=gone)
    assert error.slug == "pull-moved"
    assert f"its tip is {shop.head[:12]} now" in error.message
    shop.origin.git("update-ref", "-d", "refs/pull/7/head")
    assert "has no refs/pull/7/head" in refusal(server, path, shop, head=gone).message


@pytest.mark.parametrize("depth", [1, 20])
def test_a_checkout_as_gitlab_s_runner_leaves_it(
    server: GitHttp, shop: Project, tmp_path: Path, depth: int
) -> None:
    """Shallow, of the merge request's ref alone, no branch, and the job's token in the address of its remote."""
    ref = "refs/merge-requests/7/head"
    shop.origin.git("update-ref", ref, shop.head)
    for old in ("refs/pull/7/head", "refs/pull/7/merge"):
        shop.origin.git("update-ref", "-d", old)
    path = checkout(server, tmp_path / "work", ref, f"--depth={depth}")
    address = server.url("shop.git").replace("://", "://gitlab-ci-token:wrong@")
    Repository.git(_At(path), "remote", "set-url", "origin", address)
    right(compared(server, path, shop), shop)
    error = refusal(server, path, shop, head="1" * 40)
    assert f"its tip is {shop.head[:12]} now" in error.message
    shop.origin.git("update-ref", "-d", ref)
    assert "no refs/merge-requests/7/head" in refusal(server, path, shop, head="1" * 40).message


def test_a_base_that_is_gone(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    error = refusal(server, path, shop, base="2" * 40)
    assert error.slug == "pull-moved"
    assert f"The base branch main has moved on: the server no longer gives commit {'2' * 12}" in error.message
    assert "the branch is gone" in refusal(server, path, shop, base="2" * 40, base_ref="release/1").message


def test_a_base_branch_that_was_deleted(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    shop.origin.git("branch", "--quiet", "-D", "main")
    right(compared(server, path, shop), shop)


# --------------------------------------------------------------------------------------------- what goes wrong


def test_a_wrong_token(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    server.header = "basic another"
    error = refusal(server, path, shop)
    assert (type(error), error.slug) == (ForgeError, "forge-auth")
    assert len(server.requests) <= 2, "a wrong token is not tried again"


def test_a_repository_that_is_not_there(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    shop.origin.path.rename(server.root / "renamed.git")
    assert refusal(server, path, shop).slug == "forge-missing"


def test_passing_failures_are_outlasted(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    slept: list[float] = []
    server.failing = 2
    right(compared(server, path, shop, patience=Patience(60, (1.0, 4.0), sleep=slept.append)), shop)
    assert slept == [1.0, 4.0]
    server.failing, server.status = 9, 502
    error = refusal(
        server, checkout_again(server, tmp_path, shop), shop, patience=Patience(60, (1.0,), sleep=slept.append)
    )
    assert (error.slug, slept[2:]) == ("forge-server", [1.0])
    assert "502" in error.message


def checkout_again(server: GitHttp, tmp_path: Path, made: Project) -> Path:
    failing, server.failing = server.failing, 0
    path = checkout(server, tmp_path / "again")
    server.failing = failing
    return path


def test_a_server_that_is_not_there(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    server.port = 9
    slept: list[float] = []
    error = refusal(server, path, shop, patience=Patience(60, (1.0, 4.0), sleep=slept.append))
    assert (error.slug, slept) == ("forge-server", [1.0, 4.0])


def test_a_server_that_never_answers(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    server.hanging = True
    started = time.monotonic()
    error = refusal(server, path, shop, patience=Patience(1.0, ()))
    assert error.slug == "forge-server"
    assert "did not end within 1 s" in error.message
    assert time.monotonic() - started < 10
    assert not running(str(server.port)), "git and what it started have ended"


def test_a_redirect_is_not_followed(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    with serving(server.root) as other:
        server.redirect = other.base
        error = refusal(server, path, shop)
        assert other.requests == []
    assert (error.slug, "redirects" in error.message) == ("forge-refused", True)


@pytest.mark.parametrize(
    "url",
    ["file:///srv/shop.git", "ssh://git@host/shop", "git://host/shop", "/srv/shop.git", "ext::sh -c id",
     "--upload-pack=id", "http://user:pass@host/shop", 'http://host/sh"op', "http://host/a b",
     "http://host:99999/x", "http://", ""],
)  # fmt: skip
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        prepare(tmp_path, Remote(url, HEADER), number=7, head="1" * 40, base_ref="main", base="2" * 40)
    assert caught.value.slug == "bad-remote"
    assert not (tmp_path / ".git").exists()


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"head": "main"}, "bad-revision"),
        ({"base": "-x"}, "bad-revision"),
        ({"base_ref": "--upload-pack=id"}, "bad-revision"),
        ({"base_ref": "a b"}, "bad-revision"),
        ({"base_ref": "a:b"}, "bad-revision"),
        ({"number": 0}, "bad-revision"),
    ],
)
def test_other_names_are_refused(tmp_path: Path, change: dict[str, Any], slug: str) -> None:
    given = {"number": 7, "head": "1" * 40, "base_ref": "main", "base": "2" * 40, **change}
    with pytest.raises(RepositoryError) as caught:
        prepare(tmp_path, Remote("http://127.0.0.1:9/shop.git", HEADER), **given)
    assert caught.value.slug == slug


def test_a_header_with_a_line_end_is_refused(tmp_path: Path) -> None:
    remote = Remote("http://127.0.0.1:9/shop.git", f"{HEADER}\n")
    with pytest.raises(RepositoryError) as caught:
        prepare(tmp_path, remote, number=7, head="1" * 40, base_ref="main", base="2" * 40)
    assert caught.value.slug == "bad-remote"
    assert HEADER not in caught.value.message


# ------------------------------------------------------------------------------------------------- the token


def running(mark: str) -> list[str]:
    """Argument vectors of the processes that name this."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in words and b"git" in words:
            found.append(words.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found


def test_the_token_is_seen_nowhere(
    server: GitHttp, shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a slow fetch runs, all that a neighbour could see is looked at, again and again."""
    path = checkout(server, tmp_path / "work")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    server.pace = 0.15
    seen: list[bytes] = []
    modes: set[int] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for place in Path("/proc").glob("[0-9]*"):
                if place.name == str(os.getpid()):
                    continue
                for name in ("cmdline", "environ"):
                    try:
                        seen.append((place / name).read_bytes())
                    except OSError:
                        continue
            for file in scratch.rglob("config"):
                if TOKEN not in file.read_text() and HEADER in file.read_text():
                    modes.add(stat.S_IMODE(file.stat().st_mode) << 16 | stat.S_IMODE(file.parent.stat().st_mode))
            time.sleep(0.01)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        right(compared(server, path, shop), shop)
    finally:
        done.set()
        watch.join()
    sights = b"\n".join(set(seen))
    assert b"git-remote-http" in sights or b"git\0remote-http" in sights, "the fetch was seen to run"
    assert not [secret for secret in SECRETS if secret.encode() in sights]
    assert modes == {0o600 << 16 | 0o700}, "the one file that holds it is nobody else's"
    assert list(scratch.iterdir()) == []
    for file in (path / ".git").rglob("*"):
        if file.is_file():
            assert not [secret for secret in SECRETS if secret.encode() in file.read_bytes()], file


def test_nothing_is_left_after_a_failure_or_an_interrupt(
    server: GitHttp, shop: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkout(server, tmp_path / "work")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    server.failing = 9

    def interrupt(_seconds: float) -> None:
        assert HEADER in next(scratch.rglob("config")).read_text()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtained(server, path, shop, patience=Patience(60, (1.0,), sleep=interrupt))
    assert list(scratch.iterdir()) == []
    assert not list((path / ".git").glob("*.lock"))
    server.failing = 0
    right(compared(server, path, shop), shop)


def test_the_configuration_of_the_checkout_takes_no_part(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    """Programs, other hosts and a header that was kept there: none is used."""
    path = checkout(server, tmp_path / "work")
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    url = server.url("shop.git")
    with serving(server.root) as other:
        settings = {
            f"http.{server.base}/.extraheader": "AUTHORIZATION: basic kept",
            f"http.{url}.extraheader": "AUTHORIZATION: basic kept",
            f"url.{other.base}/.insteadOf": server.base + "/",
            f"remote.{url}.url": other.url("shop.git"),
            f"remote.{url}.vcs": "ext",
            "core.askPass": str(program),
            "core.sshCommand": str(program),
            "core.alternateRefsCommand": str(program),
            "credential.helper": str(program),
            "http.proxy": other.base,
            "fetch.recurseSubmodules": "true",
            "protocol.ext.allow": "always",
        }
        for name, value in settings.items():
            _At(path).git("config", name, value)
        for hook in ("reference-transaction", "post-checkout", "pre-auto-gc"):
            (path / ".git" / "hooks").mkdir(exist_ok=True)
            (path / ".git" / "hooks" / hook).symlink_to(program)
        right(compared(server, path, shop), shop)
        assert other.requests == []
    assert set(server.headers) == {HEADER}
    assert not ran.exists()


def test_the_users_own_configuration_takes_no_part(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    (tmp_path / ".gitconfig").write_text(f'[url "ssh://git@host/"]\n\tinsteadOf = {server.base}/\n')
    right(compared(server, path, shop, environ={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}), shop)


def test_complaints_hold_no_secret() -> None:
    remote = Remote("https://git.example/x", HEADER)
    hidden = fetching.secrets(remote, {"https_proxy": "http://me:pa%24s@proxy:1"})
    error = (
        f"warning: x\nfatal: {HEADER} {HEADER.split()[1]} via me:pa%24s@proxy or pa%24s\x1b[31m\nerror: later\n"
    )
    assert fetching.complaint(error, hidden) == "fatal: *** *** via ***@proxy or ***?[31m"
    assert TOKEN not in fetching.complaint(f"fatal: {TOKEN}\n", hidden)
    assert fetching.complaint("", hidden) == "no message"


def test_a_public_repository_needs_no_header(server: GitHttp, shop: Project, tmp_path: Path) -> None:
    path = checkout(server, tmp_path / "work")
    server.header = ""
    remote = Remote(server.url("shop.git"))
    with prepare(path, remote, number=7, head=shop.head, base_ref="main", base=shop.base) as workspace:
        right(workspace.change(shop.base, shop.head), shop)
    assert set(server.headers) == {""}


# ----------------------------------------------------------------------------------- proxies and certificates


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_is_asked(server: GitHttp, shop: Project, tmp_path: Path, name: str) -> None:
    """The server stands in for a proxy: it is asked for a name that nobody could look up."""
    path = checkout(server, tmp_path / "work")
    remote = Remote("http://git.example.invalid/shop.git", HEADER)
    proxy = f"http://me:pa%24%22s@127.0.0.1:{server.port}"
    environ = {"PATH": os.environ["PATH"], name: proxy, "NO_PROXY": "other.invalid"}
    given: dict[str, Any] = {"number": 7, "head": shop.head, "base_ref": "main", "base": shop.base}
    with prepare(path, remote, **given, environ=environ) as workspace:
        right(workspace.change(shop.base, shop.head), shop)
    assert server.requests
    path = checkout(server, tmp_path / "other")
    with pytest.raises(ForgeError) as caught:
        direct = {**environ, "NO_PROXY": ".invalid"}
        prepare(path, remote, **given, environ=direct, patience=Patience(20, ()))
    assert caught.value.slug == "forge-server"
    assert server.requests == []
    assert "pa%24" not in caught.value.message


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for loopback that signs itself, with its key."""
    made = tmp_path / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out", made],
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "ca.pem").write_bytes(made.read_bytes())
    made.write_bytes(made.read_bytes() + (tmp_path / "key.pem").read_bytes())
    return made


@pytest.mark.parametrize(
    "name", ["SSL_CERT_FILE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CI_SERVER_TLS_CA_FILE"]
)
def test_a_private_authority_is_trusted_by_name(certificate: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "srv").mkdir()
    made = project(tmp_path / "srv")
    (tmp_path / "work").mkdir()
    with serving(tmp_path / "srv", header=HEADER, certificate=certificate) as server:
        error = refusal(server, tmp_path / "work", made)
        assert (error.slug, "SSL_CERT_FILE" in error.hint) == ("forge-server", True)
        assert server.headers == []
        environ = {"PATH": os.environ["PATH"], name: str(tmp_path / "ca.pem")}
        right(compared(server, tmp_path / "work", made, environ=environ), made)


def test_a_folder_of_certificates(tmp_path: Path) -> None:
    remote = Remote("https://git.example/x")
    assert fetching.network(remote, {"REQUESTS_CA_BUNDLE": str(tmp_path)}) == {"sslCAPath": str(tmp_path)}
    assert fetching.network(remote, {"SSL_CERT_DIR": "/certs"}) == {"sslCAPath": "/certs"}
    assert fetching.network(remote, {"HTTP_PROXY": "http://p", "https_proxy": "http://s"}) == {"proxy": "http://s"}


def test_values_are_quoted_for_gits_configuration(tmp_path: Path) -> None:
    nasty = 'http://u:a"b\\c#d;e\nf@proxy:1'
    (tmp_path / "config").write_text(
        fetching.configuration(Remote("http://h/x", HEADER), {"HTTP_PROXY": nasty}), encoding="utf-8"
    )
    read = subprocess.run(
        ["git", "config", "--file", tmp_path / "config", "--null", "--get", "http.proxy"],
        capture_output=True,
        check=True,
    )
    assert read.stdout == nasty.encode() + b"\0"


def test_a_commit_without_its_files_is_not_enough(shop: Project, tmp_path: Path) -> None:
    wanted = Wanted(7, shop.head, "main", shop.base)
    with Workspace.open(shop.origin.path) as workspace:
        git = workspace._git
        assert enough(git, shop.origin.path / ".git", wanted)
    tree = shop.origin.git("rev-parse", f"{shop.head}^{{tree}}")
    place = shop.origin.path / ".git" / "objects" / tree[:2] / tree[2:]
    place.unlink()
    assert not enough(git, shop.origin.path / ".git", wanted)
