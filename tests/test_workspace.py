"""The repository is read as it is, refused with a remedy where it cannot be, and never runs what it configures."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from repositories import Repository, environment

from bot.domain import Change, FileStatus
from bot.errors import RepositoryError
from bot.workspace import Tree, Workspace

pytestmark = pytest.mark.thorough

ONE = "def f():\n    return 1\n"
TWO = "def f():\n    return 2\n"


def change(repo: Repository, base: str | None = None, head: str | None = None) -> Change:
    with Workspace.open(repo.path) as workspace:
        return workspace.change(base, head)


def tree_of(workspace: Workspace, name: str = "HEAD") -> Tree:
    return workspace.tree(workspace.revision(name))


def refusal(repo: Path, base: str | None = None, head: str | None = None) -> RepositoryError:
    with pytest.raises(RepositoryError) as caught, Workspace.open(repo) as workspace:
        workspace.change(base, head)
    assert caught.value.hint
    return caught.value


# ---------------------------------------------------------------------------------------------------- open


def test_opens_from_a_folder_inside(repo: Repository) -> None:
    repo.commit({"src/a.py": ONE})
    with Workspace.open(repo.path / "src") as workspace:
        assert workspace.top == repo.path
        assert tree_of(workspace).paths() == ("src/a.py",)


def test_opens_a_linked_working_tree(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    repo.git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "linked"))
    (tmp_path / "linked" / "a.py").write_text(TWO)
    with Workspace.open(tmp_path / "linked") as workspace:
        assert workspace.change("main", None).head.name == "working tree"
        assert workspace.state_dir == repo.path / ".git" / "tryline"


def test_refuses_what_is_no_repository(tmp_path: Path) -> None:
    assert refusal(tmp_path).slug == "not-a-repository"
    assert refusal(tmp_path / "missing").slug == "no-such-directory"


def test_refuses_a_bare_repository(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "bare.git")], check=True)
    assert refusal(tmp_path / "bare.git").slug == "bare-repository"


def test_refuses_the_git_directory_itself(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    assert refusal(repo.path / ".git").slug == "bare-repository"


def test_refuses_an_unborn_branch(repo: Repository) -> None:
    repo.write({"a.py": ONE})
    error = refusal(repo.path)
    assert error.slug == "unborn-branch"
    assert "no commit" in error.message


def test_says_that_git_is_missing(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    only_env = tmp_path / "bin"
    only_env.mkdir()
    (only_env / "env").symlink_to("/usr/bin/env")
    with pytest.raises(RepositoryError) as caught:
        Workspace.open(repo.path, environ={"PATH": str(only_env)})
    assert caught.value.slug == "no-git"


def test_reads_a_repository_of_another_user(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    # git's own test suite pretends another owner so; a wrapper, since we pass no variable of the caller on.
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {shutil.which("git")} "$@"\n')
    wrapper.chmod(0o755)
    environ = {"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}
    refused = subprocess.run([wrapper, "status"], cwd=repo.path, env=environ, capture_output=True, check=False)
    assert b"dubious ownership" in refused.stderr
    with Workspace.open(repo.path, environ=environ) as workspace:
        assert tree_of(workspace).read("a.py") == ONE.encode()


def test_the_callers_git_variables_do_not_reach_git(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit({"a.py": ONE})
    other = Repository(tmp_path / "other")
    other.commit({"b.py": TWO})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git" / "index"))
    with Workspace.open(repo.path) as workspace:
        assert workspace.top == repo.path
        assert workspace.change(None, None).head.name == "HEAD"
        assert tree_of(workspace).paths() == ("a.py",)


# ---------------------------------------------------------------------------------------------- revisions


def test_default_branch_is_the_one_that_origin_names(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    repo.git("branch", "--move", "development")
    repo.git("clone", "--quiet", str(repo.path), str(tmp_path / "clone"))
    with Workspace.open(tmp_path / "clone") as workspace:
        assert workspace.default_branch() == "origin/development"


@pytest.mark.parametrize(("branch", "expected"), [("master", "master"), ("trunk", "trunk"), ("topic", None)])
def test_default_branch_by_its_usual_names(repo: Repository, branch: str, expected: str | None) -> None:
    repo.commit({"a.py": ONE})
    repo.git("branch", "--move", branch)
    with Workspace.open(repo.path) as workspace:
        assert workspace.default_branch() == expected


def test_a_branch_is_compared_with_its_merge_base(repo: Repository) -> None:
    fork = repo.commit({"a.py": ONE})
    repo.git("checkout", "--quiet", "-b", "topic")
    tip = repo.commit({"a.py": TWO})
    repo.git("checkout", "--quiet", "main")
    repo.commit({"b.py": ONE})
    repo.git("checkout", "--quiet", "topic")
    for base in (None, "main"):
        found = change(repo, base)
        assert (found.base.commit, found.head.commit) == (fork, tip)
        assert found.base.name == "merge base with main"
        assert [file.path for file in found.files] == ["a.py"]


def test_a_dirty_working_tree_is_the_head(repo: Repository) -> None:
    repo.commit({"a.py": ONE, ".gitignore": "*.log\n"})
    repo.write({"a.py": TWO, "new file.py": ONE, "x.log": "ignored"})
    index = (repo.path / ".git" / "index").read_bytes()
    with Workspace.open(repo.path) as workspace:
        found = workspace.change(None, None)
        assert (found.base.name, found.head.name, found.head.commit) == ("HEAD", "working tree", None)
        assert {file.path: file.status for file in found.files} == {
            "a.py": FileStatus.MODIFIED,
            "new file.py": FileStatus.ADDED,
        }
        assert workspace.tree(found.head).read("a.py") == TWO.encode()
    assert (repo.path / ".git" / "index").read_bytes() == index
    assert "?? " in repo.git("status", "--porcelain")


def test_a_change_of_equal_size_within_the_same_second_is_seen(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    stat = (repo.path / "a.py").stat()
    repo.write({"a.py": TWO})
    os.utime(repo.path / "a.py", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert change(repo).head.name == "working tree"


def test_a_clean_default_branch_is_compared_with_its_parent(repo: Repository) -> None:
    first = repo.commit({"a.py": ONE})
    repo.commit({"a.py": TWO})
    assert change(repo).base.commit == first
    assert change(repo, None, "HEAD").base.commit == first


def test_a_first_commit_is_compared_with_nothing(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    found = change(repo)
    assert (found.base.name, found.base.commit) == ("empty tree", None)
    assert [(file.path, file.status) for file in found.files] == [("a.py", FileStatus.ADDED)]


def test_a_dirty_branch_is_compared_with_the_merge_base_not_with_head(repo: Repository) -> None:
    fork = repo.commit({"a.py": ONE, "b.py": ONE})
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit({"a.py": TWO})
    repo.write({"b.py": TWO})
    found = change(repo)
    assert found.base.commit == fork
    assert [file.path for file in found.files] == ["a.py", "b.py"]


def test_a_base_that_only_origin_has_is_found_there(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    repo.git("branch", "release")
    repo.git("clone", "--quiet", str(repo.path), str(tmp_path / "clone"))
    with Workspace.open(tmp_path / "clone") as workspace:
        assert workspace.change("release", None).files == ()


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("nowhere", "unknown-revision"),
        ("--output=x", "bad-revision"),
        ("", "bad-revision"),
        ("a\nb", "bad-revision"),
    ],
)
def test_refuses_revisions_that_do_not_exist_or_are_options(repo: Repository, name: str, slug: str) -> None:
    repo.commit({"a.py": ONE})
    assert refusal(repo.path, base=name).slug == slug
    assert refusal(repo.path, head=name).slug == slug
    assert not (repo.path / "x").exists()


def test_without_a_common_ancestor_the_named_base_is_taken_as_it_is(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    repo.git("checkout", "--quiet", "--orphan", "island")
    repo.commit({"a.py": TWO, "b.py": ONE})
    error = refusal(repo.path)
    assert error.slug == "no-common-ancestor"
    assert "--base main" in error.hint
    found = change(repo, "main")
    assert found.base.name == "main (no common ancestor)"
    assert [file.path for file in found.files] == ["a.py", "b.py"]


def test_a_shallow_clone_says_how_to_deepen_it(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit({"a.py": TWO})
    repo.commit({"b.py": TWO})
    repo.git("checkout", "--quiet", "main")
    repo.commit({"c.py": TWO})
    repo.git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{repo.path}", str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    for base, head in ((None, "topic"), ("main", "topic"), (None, None)):
        error = refusal(clone, base, head)
        assert error.slug == "shallow-clone", (base, head)
        assert "--unshallow" in error.hint
        assert "fetch-depth: 0" in error.hint
    assert "--unshallow" in refusal(clone, base="main~3").hint


# -------------------------------------------------------------------------------------------------- safety


def test_nothing_that_the_repository_configures_is_run(repo: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho $0 $@ >> {marker}\ncat\n")
    script.chmod(0o755)
    repo.commit({"a.py": ONE})
    hooks = repo.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for hook in ("post-index-change", "pre-commit", "reference-transaction"):
        (hooks / hook).write_bytes(script.read_bytes())
        (hooks / hook).chmod(0o755)
    repo.write({".gitattributes": "*.py diff=evil filter=evil.dotted\n", "a.py": TWO})
    for key in (
        "core.fsmonitor",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "filter.evil.dotted.clean",
        "filter.evil.dotted.smudge",
        "core.pager",
        "core.sshCommand",
        "core.alternateRefsCommand",
    ):
        repo.git("config", key, str(script))
    repo.git("config", "filter.evil.dotted.required", "true")
    with Workspace.open(repo.path) as workspace:
        found = workspace.change("HEAD", None)
        assert workspace.tree(found.head).read("a.py") == TWO.encode()
    assert [file.path for file in found.files] == [".gitattributes", "a.py"]
    assert not marker.exists(), marker.read_text()


def test_nothing_that_a_submodule_configures_is_run(repo: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho $0 $@ >> {marker}\ncat\n")
    script.chmod(0o755)
    other = Repository(tmp_path / "other")
    other.commit({"b.py": ONE, ".gitattributes": "*.py filter=evil\n"})
    repo.commit({"a.py": ONE})
    repo.git("submodule", "--quiet", "add", str(other.path), "vendored")
    repo.commit()
    inner = Repository(repo.path / "vendored")
    for key in ("core.fsmonitor", "filter.evil.clean"):
        inner.git("config", key, str(script))
    inner.write({"b.py": TWO})
    assert change(repo).head.name == "HEAD"
    assert not marker.exists(), marker.read_text()


def test_an_attribute_cannot_hide_a_line_of_the_change(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    repo.commit({"a.py": TWO, ".gitattributes": "*.py -diff\n*.py binary\n"})
    file = next(file for file in change(repo).files if file.path == "a.py")
    assert not file.binary
    assert file.hunks[0].added() == (2,)


def test_the_users_display_settings_do_not_change_the_diff(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    repo.commit({"a.py": TWO})
    plain = change(repo).files
    settings = {"diff.noprefix": "true", "color.ui": "always", "diff.context": "0", "diff.mnemonicPrefix": "true"}
    for key, value in settings.items():
        repo.git("config", key, value)
    assert change(repo).files == plain
    assert plain[0].hunks[0].commentable() == (1, 2)


def test_state_lies_in_the_git_directory_or_with_the_user(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    environ = {**environment(), "XDG_STATE_HOME": str(tmp_path / "state")}
    workspace = Workspace.open(repo.path, environ=environ)
    assert workspace.state_dir == repo.path / ".git" / "tryline"
    workspace.state_dir.rmdir()
    (repo.path / ".git" / "tryline").write_text("in the way")
    assert workspace.state_dir.parent == tmp_path / "state" / "tryline"
    assert workspace.state_dir.is_dir()


def as_nobody(script: str, repo: Repository, tmp_path: Path) -> str:
    """What a script prints when somebody runs it who may not write the repository."""
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    state.chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents):
        if folder == Path(tempfile.gettempdir()):
            break
        folder.chmod(0o755)
    folders = [Path(folder) for folder, _, _ in os.walk(repo.path)]
    for folder in folders:
        folder.chmod(0o555)
    command = [sys.executable, "-c", script, str(repo.path), str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for folder in folders:
        folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    return done.stdout


READ_ONLY = """
import os, sys
from pathlib import Path
from typing import Any
from bot.workspace import Workspace
if os.geteuid() == 0:
    os.setuid(65534)
environ = {"PATH": os.environ["PATH"], "HOME": sys.argv[2], "XDG_STATE_HOME": sys.argv[2]}
for attempt in range(2):
    with Workspace.open(Path(sys.argv[1]), environ=environ) as workspace:
        workspace.tree(workspace.revision("HEAD")).read("a.py")
        change = workspace.change(None, None)
        print(change.head.name, workspace.tree(change.head).read("a.py"), workspace.state_dir)
with Workspace.open(Path(sys.argv[1]), environ=environ) as workspace:
    print(workspace.tree(change.head).read("a.py"))
"""


def test_a_repository_that_cannot_be_written_keeps_its_snapshot_with_the_user(
    repo: Repository, tmp_path: Path
) -> None:
    repo.commit({"a.py": ONE})
    repo.write({"a.py": TWO})
    lines = as_nobody(READ_ONLY, repo, tmp_path).splitlines()
    assert lines[0] == lines[1]
    assert lines[0].startswith(f"working tree {TWO.encode()!r} {tmp_path / 'state'}")
    assert lines[2] == repr(TWO.encode())


# --------------------------------------------------------------------------------------------------- files


def test_a_tree_reads_bytes_and_knows_modes(repo: Repository) -> None:
    odd = {
        'näme with \' and "quotes".py': ONE,
        "latin.py": b"# \xe9\r\n",
        "empty.py": b"",
        "bin.dat": bytes(range(256)),
    }
    repo.write(odd)
    (repo.path / "run.sh").write_text("#!/bin/sh\n")
    (repo.path / "run.sh").chmod(0o755)
    (repo.path / "link").symlink_to("empty.py")
    repo.commit()
    with Workspace.open(repo.path) as workspace:
        tree = tree_of(workspace)
        assert tree.paths() == tuple(sorted([*odd, "run.sh"]))
        assert tree.read("latin.py") == b"# \xe9\r\n"
        assert tree.read("bin.dat") == bytes(range(256))
        assert tree.read("empty.py") == b""
        assert tree.size("bin.dat") == 256
        assert tree.modes["run.sh"] == "100755"
        assert tree.modes["link"] == "120000"
        for name in ("link", "missing"):
            with pytest.raises(KeyError):
                tree.read(name)


def test_names_that_are_not_utf8_are_read(repo: Repository) -> None:
    (Path(os.fsdecode(os.fsencode(repo.path) + b"/caf\xe9.py"))).write_text(ONE)
    repo.commit()
    with Workspace.open(repo.path) as workspace:
        (path,) = tree_of(workspace).paths()
        assert os.fsencode(path) == b"caf\xe9.py"
        assert tree_of(workspace).read(path) == ONE.encode()
        assert workspace.change(None, None).files[0].path == path


def test_read_at_gives_a_file_of_a_revision_or_none(repo: Repository) -> None:
    repo.commit({".tryline.yml": "a: 1\n"})
    repo.commit({".tryline.yml": "a: 2\n", "folder/x.py": ONE})
    (repo.path / "link.yml").symlink_to(".tryline.yml")
    repo.commit()
    with Workspace.open(repo.path) as workspace:
        assert workspace.read_at(workspace.revision("HEAD~2"), ".tryline.yml") == b"a: 1\n"
        head = workspace.revision("HEAD")
        assert workspace.read_at(head, ".tryline.yml") == b"a: 2\n"
        assert [workspace.read_at(head, path) for path in ("none", "folder", "link.yml", "*")] == [None] * 4


def test_objects_that_a_clone_lacks_are_named_as_missing(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    blob = repo.git("rev-parse", "HEAD:a.py")
    with Workspace.open(repo.path) as workspace:
        tree = tree_of(workspace)
        (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
        with pytest.raises(RepositoryError) as caught:
            tree.read("a.py")
    assert caught.value.slug == "missing-objects"


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {info.name: info for info in archive.getmembers()}


def test_the_tar_is_deterministic_and_plain(repo: Repository, tmp_path: Path) -> None:
    repo.write({"a.py": ONE, "docs/x.md": "x", "big.bin": b"x" * 5000, "deep/" + "d" * 120 + "/f.py": ONE})
    (repo.path / "run.sh").write_text("#!/bin/sh\n")
    (repo.path / "run.sh").chmod(0o4777)
    repo.commit()
    with Workspace.open(repo.path) as workspace:
        tree = tree_of(workspace)
        data = tree.tar(exclude=("docs/",), max_file_bytes=4999)
        assert data == tree.tar(exclude=("docs/",), max_file_bytes=4999)
    inside = members(data)
    assert sorted(inside) == ["a.py", "deep/" + "d" * 120 + "/f.py", "run.sh"]
    assert {(i.uid, i.gid, i.mtime, i.uname) for i in inside.values()} == {(0, 0, 0, "")}
    assert (inside["run.sh"].mode, inside["a.py"].mode) == (0o755, 0o644)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        content = archive.extractfile("a.py")
        assert content is not None
        assert content.read() == ONE.encode()


def test_the_tar_holds_only_symlinks_that_stay_inside_and_lead_on(repo: Repository) -> None:
    repo.write({"p/q/r/x": "", "s/y": ""})
    for name, target in {
        "inside": "p/q",
        "up": "../outside",
        "absolute": "/etc/passwd",
        "p/q/r/down": "../../../s",
        "through": "p/q/r/down/../../outside",
        "round": "round",
        "dangling": "s/none",
        "self": ".",
        "p/q/around": "..",
        "p/q/r/by": "../around",
        "p/q/r/beside": "../../q/x",
    }.items():
        (repo.path / name).symlink_to(target)
    repo.commit()
    with Workspace.open(repo.path) as workspace:
        links = {name: i.linkname for name, i in members(tree_of(workspace).tar()).items() if i.issym()}
    beside = {"p/q/r/beside": "../../q/x"}
    assert links == {"inside": "p/q", "p/q/r/down": "../../../s", "dangling": "s/none", **beside}


def test_a_hostile_name_never_reaches_the_tar(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    blob = repo.git("rev-parse", "HEAD:a.py")
    raw = b"".join(
        mode + b" " + name + b"\0" + bytes.fromhex(blob)
        for mode, name in ((b"100644", b".."), (b"100644", b".GIT"), (b"100644", b"a.py"))
    )
    (repo.path / "raw").write_bytes(raw)
    tree = repo.git("hash-object", "-t", "tree", "-w", "--literally", "raw")
    commit = repo.git("commit-tree", "-m", "hostile", tree)
    with Workspace.open(repo.path) as workspace:
        assert list(members(tree_of(workspace, commit).tar())) == ["a.py"]


def test_submodules_are_left_as_they_are(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"b.py": ONE})
    repo.commit({"a.py": ONE})
    repo.git("submodule", "--quiet", "add", str(other.path), "vendored")
    repo.commit()
    with Workspace.open(repo.path) as workspace:
        found = workspace.change(None, None)
        tree = workspace.tree(found.head)
        assert {file.path: file.mode for file in found.files}["vendored"] == "160000"
        assert tree.modes["vendored"] == "160000"
        assert tree.paths() == (".gitmodules", "a.py")
        assert sorted(members(tree.tar())) == [".gitmodules", "a.py"]


UNREADABLE = """
import os, sys
from pathlib import Path
from typing import Any
from bot.errors import RepositoryError
from bot.workspace import Workspace
if os.geteuid() == 0:
    os.setuid(65534)
try:
    environ = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": sys.argv[2]}
    Workspace.open(Path(sys.argv[1]), environ=environ).change(None, None)
except RepositoryError as error:
    print(error.slug, error.message)
"""


def test_a_working_tree_that_cannot_be_read_is_refused_with_the_file(repo: Repository, tmp_path: Path) -> None:
    repo.commit({"a.py": ONE})
    repo.write({"locked.py": TWO})
    (repo.path / "locked.py").chmod(0)
    assert as_nobody(UNREADABLE, repo, tmp_path).startswith("working-tree The working tree cannot be read: ")
    assert "locked.py" in as_nobody(UNREADABLE, repo, tmp_path)


def test_a_repository_inside_the_working_tree_is_not_part_of_it(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    Repository(repo.path / "unborn")
    Repository(repo.path / "nested").commit({"b.py": ONE})
    assert change(repo).head.name == "HEAD"


def test_folders_become_files_and_back_in_the_working_tree(repo: Repository) -> None:
    repo.commit({"a/b.py": ONE, "c": "x", "d.py": ONE})
    (repo.path / "a" / "b.py").unlink()
    (repo.path / "a").rmdir()
    (repo.path / "c").unlink()
    (repo.path / "d.py").unlink()
    repo.write({"a": "x", "c/b.py": TWO})
    with Workspace.open(repo.path) as workspace:
        tree = workspace.tree(workspace.change(None, None).head)
        assert tree.paths() == ("a", "c/b.py")
        assert tree.read("c/b.py") == TWO.encode()


def test_a_conflict_in_the_working_tree_does_not_stop_the_review(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    repo.git("checkout", "--quiet", "-b", "topic")
    repo.commit({"a.py": TWO})
    repo.git("checkout", "--quiet", "main")
    repo.commit({"a.py": "def f():\n    return 3\n"})
    subprocess.run(["git", "merge", "topic"], cwd=repo.path, env=environment(), capture_output=True, check=False)
    with Workspace.open(repo.path) as workspace:
        found = workspace.change(None, None)
        assert b"<<<<<<<" in workspace.tree(found.head).read("a.py")


# ---------------------------------------------------------------------------------------------------- diff


def test_renames_kinds_and_modes_are_told_apart(repo: Repository) -> None:
    body = "".join(f"line_{number} = {number}\n" for number in range(20))
    repo.write({"old name.py": body, "gone.py": ONE, "kind.py": ONE, "script.py": ONE, "data.bin": b"\0\1"})
    repo.commit()
    repo.git("mv", "old name.py", "new näme.py")
    repo.write({"new näme.py": body + "more = 1\n", "gone.py": None, "kind.py": None, "data.bin": b"\0\2"})
    (repo.path / "kind.py").symlink_to("script.py")
    (repo.path / "script.py").chmod(0o755)
    repo.commit({"empty.py": b""})
    files = {file.path: file for file in change(repo).files}
    assert {path: file.status.value for path, file in files.items()} == {
        "data.bin": "modified",
        "empty.py": "added",
        "gone.py": "deleted",
        "kind.py": "type-changed",
        "new näme.py": "renamed",
        "script.py": "modified",
    }
    assert files["new näme.py"].old_path == "old name.py"
    assert files["new näme.py"].hunks[0].added() == (21,)
    assert files["kind.py"].mode == "120000"
    assert files["script.py"].mode == "100755"
    assert files["script.py"].hunks == ()
    assert files["data.bin"].binary
    assert files["empty.py"].old_path is None
    assert files["gone.py"].mode == "100644"


def test_line_numbers_are_right_whatever_the_lines_hold(repo: Repository) -> None:
    lines = ["a\r", "\x0c", "b\u2028c", "d\x85", "\x1c", "last \udce9"]
    old = "\n".join(lines).encode("utf-8", "surrogateescape")
    repo.commit({"a.py": old})
    new = "\n".join([*lines[:-1], "inserted\r", "diff --git a/x b/x", "-- x", "++ y", lines[-1]])
    repo.commit({"a.py": new.encode("utf-8", "surrogateescape")})
    (file,) = change(repo).files
    (hunk,) = file.hunks
    assert hunk.added() == (6, 7, 8, 9)
    by_line = {line.new: line.text for line in hunk.lines if line.new}
    assert [by_line[number] for number in range(3, 11)] == new.split("\n")[2:]


def test_a_huge_file_is_not_diffed_line_by_line(repo: Repository) -> None:
    repo.commit({"a.py": ONE})
    repo.commit({"huge.py": b"x = 1\n" * 3_000_000})
    (file,) = change(repo).files
    assert file.binary
    assert file.hunks == ()


def test_a_signal_that_ends_the_process_that_serves_reads_is_no_failure(repo: Repository) -> None:
    repo.commit({"a.py": "x = 1\n"})
    with Workspace.open(repo.path) as workspace:
        tree = workspace.tree(workspace.revision("HEAD"))
        assert tree.read("a.py") == b"x = 1\n"
        assert workspace._reader is not None
        process: Any = workspace._reader._process.proc
        process.terminate()  # what a build server sends to a whole group of processes
        process.wait()
    assert process.returncode == -15
