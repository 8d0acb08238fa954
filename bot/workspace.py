"""The repository on disk, read through git: revisions, trees, diffs, the working tree.

The repository is a stranger's: nothing that it configures is run. Hooks, filters, fsmonitor, textconv, external
diffs and the network are switched off for every command, and no attribute file of a change can hide its lines.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from bot import diff, patterns
from bot.domain import Change, FileDiff, Revision
from bot.errors import RepositoryError
from bot.git_runner import Output, Reader, Runner, first_line

_REGULAR = ("100644", "100755", "100664")
_SYMLINK = "120000"
_DEEPEN = "fetch the whole history: `git fetch --unshallow`, or `fetch-depth: 0` for actions/checkout"


@dataclass(frozen=True)
class _Entry:
    mode: str
    blob: str
    size: int


class Workspace:
    """One repository with a working tree. A context manager: leaving it ends the git process that serves reads."""

    def __init__(self, top: Path, git_dir: Path, common_dir: Path, environ: Mapping[str, str]) -> None:
        self.top = top
        """Absolute path of the working tree's top level."""
        self._git_dir = git_dir
        self._common_dir = common_dir
        self._environ = environ
        self._reader: Reader | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, environ: Mapping[str, str] | None = None) -> Workspace:
        """The repository whose working tree holds `path`.

        Raises RepositoryError: `no-such-directory`, `no-git`, `not-a-repository`, `bare-repository`,
        `unsafe-ownership`, `unborn-branch`.
        """
        if not path.is_dir():
            raise RepositoryError(
                f"There is no directory {path}.",
                hint="name a folder of a git repository",
                slug="no-such-directory",
            )
        environ = os.environ if environ is None else environ
        scout = Runner(path.resolve(), environ, {})
        found = scout.attempt("rev-parse", "--is-bare-repository", "--is-inside-work-tree")
        if found.status != 0:
            raise _not_a_repository(path, found.error)
        bare, inside = found.text().split()
        if inside != "true":
            raise RepositoryError(
                f"{path} is {'a bare repository' if bare == 'true' else 'inside a git directory'}: no files here.",
                hint="run Tryline in a working tree (`git clone` or `git worktree add`)",
                slug="bare-repository",
            )
        places = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")
        top, git_dir, common_dir = (
            Path(scout.run("rev-parse", "--path-format=absolute", place).text()) for place in places
        )
        workspace = cls(top, git_dir, common_dir, environ)
        if workspace._commit("HEAD") is None:
            raise RepositoryError(
                f"The repository {top} has no commit on its current branch yet.",
                hint="commit something first: a review compares two states",
                slug="unborn-branch",
            )
        return workspace

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the git process that serves reads; a later read starts another one."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    # ---------------------------------------------------------------------------------------- revisions

    def default_branch(self) -> str | None:
        """The branch that others build on: origin's HEAD, else main, master or trunk, local before origin's."""
        remote = self._try("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
        if remote.status == 0 and self._commit(remote.text()) is not None:
            return remote.text()
        names = ("main", "master", "trunk")
        for prefix, label in (("refs/heads/", ""), ("refs/remotes/origin/", "origin/")):
            for name in names:
                if self._commit(prefix + name) is not None:
                    return label + name
        return None

    def revision(self, name: str) -> Revision:
        """The commit that the user calls `name`; a branch that only origin has is found there.

        Raises RepositoryError: `bad-revision` for what cannot be a name, `unknown-revision`.
        """
        if not name or name.startswith("-") or any(ord(c) < 32 for c in name):
            raise RepositoryError(
                f"{name!r} cannot be the name of a revision.",
                hint="give a branch, a tag or a commit",
                slug="bad-revision",
            )
        commit = self._commit(name) or self._commit(f"refs/remotes/origin/{name}")
        if commit is None:
            raise RepositoryError(
                f"The repository knows no commit called {name!r}.",
                hint=_DEEPEN
                if self._shallow()
                else f"fetch it first (`git fetch origin {name}`), or check its name",
                slug="unknown-revision",
            )
        return self._at(name, commit)

    def change(self, base: str | None, head: str | None) -> Change:
        """What is under review.

        `head` None is the working tree where it differs from HEAD (untracked files that are not ignored
        included), else HEAD. `base` names the branch that the change goes to: its merge base with head is what
        is compared; without a common ancestor its own files are, and the base's name says so. `base` None is
        the merge base with the default branch; where head has nothing that the default branch lacks, the
        working tree is compared with HEAD, and a commit with its parent (a first commit with the empty tree).

        Raises RepositoryError: those of `revision`, and `shallow-clone`, `no-common-ancestor`,
        `no-default-branch`, `working-tree`.
        """
        tip = self.revision("HEAD" if head is None else head)
        under_review = tip
        if head is None:
            snapshot = self._snapshot()
            if snapshot != tip.tree:
                under_review = Revision("working tree", None, snapshot)
        start = self._default_base(tip, under_review) if base is None else self._merge_base(base, tip)
        return Change(start, under_review, self.diff(start, under_review))

    def _default_base(self, tip: Revision, under_review: Revision) -> Revision:
        default = self.default_branch()
        if default is not None:
            ancestor = self._common(self.revision(default), tip)
            if ancestor is None:
                raise self._no_ancestor(default, tip)
            if ancestor != tip.commit:
                return self._at(f"merge base with {default}", ancestor)
        if under_review is not tip:
            return tip
        if default is None:
            raise RepositoryError(
                "There is no branch main, master or trunk, and origin names no default branch.",
                hint="say what to compare with: `--base BRANCH`",
                slug="no-default-branch",
            )
        parent = self._commit(f"{tip.commit}~1")
        if parent is not None:
            return self._at(f"{tip.name}~1", parent)
        if self._shallow():
            raise self._no_ancestor(f"{tip.name}~1", tip)
        return Revision("empty tree", None, self._run("mktree").text())

    def _merge_base(self, base: str, tip: Revision) -> Revision:
        target = self.revision(base)
        ancestor = self._common(target, tip)
        if ancestor is None:
            if self._cut(target, tip):
                raise self._no_ancestor(base, tip)
            return replace(target, name=f"{base} (no common ancestor)")
        return target if ancestor == target.commit else self._at(f"merge base with {base}", ancestor)

    def _common(self, one: Revision, other: Revision) -> str | None:
        found = self._try("merge-base", str(one.commit), str(other.commit))
        return found.text().split("\n")[0] if found.status == 0 else None

    def _no_ancestor(self, base: str, tip: Revision) -> RepositoryError:
        if self._shallow():
            return RepositoryError(
                f"This clone is shallow: its history ends before {base} and {tip.name} meet.",
                hint=_DEEPEN,
                slug="shallow-clone",
            )
        return RepositoryError(
            f"{tip.name} and the default branch {base} have no common ancestor.",
            hint=f"name the base yourself (`--base {base}` compares the files as they are)",
            slug="no-common-ancestor",
        )

    def _commit(self, name: str) -> str | None:
        found = self._try("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return found.text() if found.status == 0 else None

    def _at(self, name: str, commit: str) -> Revision:
        return Revision(name, commit, self._run("rev-parse", "--verify", f"{commit}^{{tree}}").text())

    def _cut(self, one: Revision, other: Revision) -> bool:
        """Whether the history of one of them ends where the clone is shallow."""
        if not self._shallow():
            return False
        try:
            ends = set((self._common_dir / "shallow").read_text("ascii").split())
        except OSError:
            return True
        return not ends.isdisjoint(self._run("rev-list", str(one.commit), str(other.commit)).text().split())

    def _shallow(self) -> bool:
        return self._run("rev-parse", "--is-shallow-repository").text() == "true"

    # -------------------------------------------------------------------------------------------- files

    def tree(self, revision: Revision) -> Tree:
        """The files of a revision. Raises RepositoryError `missing-objects` when the clone lacks them."""
        listing = self._try("ls-tree", "-r", "-l", "-z", "--full-tree", revision.tree)
        if listing.status != 0:
            raise self._missing(f"the files of {revision.name}")
        return Tree(self, revision.tree, dict(_entries(listing.out)))

    def read_at(self, revision: Revision, path: str) -> bytes | None:
        """Content of one regular file of a revision; None when there is no such file."""
        listing = self._try("ls-tree", "-l", "-z", "--full-tree", revision.tree, "--", path)
        entry = dict(_entries(listing.out)).get(path)
        return self.blob(entry.blob) if entry is not None and entry.mode in _REGULAR else None

    def diff(self, base: Revision, head: Revision) -> tuple[FileDiff, ...]:
        """What lies between two revisions, renames detected, three lines of context."""
        command = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--no-color", "--full-index")
        with self._attributeless() as git:
            raw = git.run(*command, "--raw", "-z", base.tree, head.tree).out
            patch = git.run(*command, "--patch", "-U3", base.tree, head.tree).out
        return diff.parse(raw, patch)

    def churn(self, revision: Revision, most: int = 1000) -> Churn:
        """How often each file changed in the last `most` commits before a revision: one git command for all of the
        tree. A clone without history says so, and has counts of what it holds."""
        start = revision.commit or "HEAD"
        # A commit's id behind a byte that hardly a path holds: one that does costs a count. Renames are two paths.
        form = ("--no-merges", "--no-renames", "--name-only", "-z", "--format=%x01%H")
        log = self._try("log", f"--max-count={most}", *form, start, "--")
        if log.status != 0:
            raise self._missing(f"the history of {revision.name}")
        counts: dict[str, int] = {}
        commits = log.out.decode("utf-8", "surrogateescape").split("\x01")[1:]
        for commit in commits:
            for path in commit.split("\0")[1:]:
                if path := path.lstrip("\n"):
                    counts[path] = counts.get(path, 0) + 1
        return Churn(counts, len(commits), self._shallow() and len(commits) < most)

    def blob(self, blob: str) -> bytes:
        """Content of one blob. Raises RepositoryError `missing-objects`. Safe to call from several threads."""
        with self._lock:
            if self._reader is None:
                self._reader = Reader(self._git.start("cat-file", "--batch"))
            data = self._reader.read(blob)
        if data is None:
            raise self._missing(f"the object {blob}")
        return data

    @property
    def state_dir(self) -> Path:
        """A folder for what outlives a run: in the git directory, or in the user's state where that is read-only.

        Raises RepositoryError `no-state-dir` when neither can be written.
        """
        folders = (self._common_dir / "tryline", self._user_state())
        for folder in folders:
            if _writable(folder):
                return folder
        raise RepositoryError(
            f"Neither {folders[0]} nor {folders[1]} can be written.",
            hint="set XDG_STATE_HOME to a folder that can be written",
            slug="no-state-dir",
        )

    def _user_state(self) -> Path:
        home = Path(self._environ.get("HOME") or Path.home())
        state = Path(self._environ.get("XDG_STATE_HOME") or home / ".local" / "state")
        return state / "tryline" / hashlib.sha256(os.fsencode(self.top)).hexdigest()[:16]

    def _snapshot(self) -> str:
        """Id of a tree with the files of the working tree, made through an index of its own.

        The repository's index is copied, not used: its stat data spare the hashing of files that did not change.
        """
        index = self._git_dir / "index"
        with tempfile.TemporaryDirectory(prefix="tryline-") as scratch:
            copy = Path(scratch) / "index"
            if index.exists():
                # copy2: git tells a file that changed within the same clock tick by the index's own time.
                shutil.copy2(index, copy)
            env = {"GIT_INDEX_FILE": str(copy), **self._object_store(), **self._filters_off()}
            # Not `git add`: it asks every submodule for its status, and that runs the submodule's own filters.
            gone, there = self._changed_paths(env)
            for options, paths in ((("--force-remove",), gone), (("--add", "--remove"), there)):
                listing = Path(scratch) / "paths"
                listing.write_bytes("".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape"))
                with listing.open("rb") as names:
                    update = ("update-index", "-z", "--replace", *options, "--stdin")
                    done = self._git.attempt(*update, env=env, stdin=names)
                if done.status != 0:
                    raise RepositoryError(
                        f"The working tree cannot be read: {first_line(done.error)}",
                        hint="commit the change and review it with `--head HEAD`, or ignore what git cannot read",
                        slug="working-tree",
                    )
            return self._run("write-tree", env=env).text()

    def _changed_paths(self, env: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Paths that the index names and the working tree lacks, and those that it has and the index has not."""
        raw = self._run("diff-files", "--raw", "-z", "--ignore-submodules=dirty", env=env).out
        fields = raw.decode("utf-8", "surrogateescape").split("\0")
        gone: list[str] = []
        there: list[str] = []
        for head, path in zip(fields[:-1:2], fields[1::2], strict=True):
            # What became a folder is gone, too: git says so by `D`.
            absent = head.endswith("D") or not os.path.lexists(self.top / path)
            (gone if absent else there).append(path)
        new = self._run("ls-files", "-z", "--others", "--exclude-standard", env=env).out
        return gone, there + new.decode("utf-8", "surrogateescape").split("\0")[:-1]

    def _object_store(self) -> dict[str, str]:
        """Where new objects go: the repository's own store, or, where that is read-only, the user's state."""
        own = self._common_dir / "objects"
        if os.access(own, os.W_OK):
            return {}
        ours = self.state_dir / "objects"
        ours.mkdir(exist_ok=True)
        self.close()  # the reader that runs does not know the new store
        return {"GIT_OBJECT_DIRECTORY": str(ours), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(own)}

    def _filters_off(self) -> dict[str, str]:
        """Overrides for every filter driver that some configuration names: an empty command is not run."""
        names = self._try("config", "--name-only", "-z", "--get-regexp", r"^filter\.").out.decode(
            "utf-8", "surrogateescape"
        )
        drivers = sorted({name.rpartition(".")[0] for name in names.split("\0") if name})
        values = {"clean": "", "smudge": "", "process": "", "required": "false"}
        settings = [(f"{driver}.{key}", value) for driver in drivers for key, value in values.items()]
        env = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings):
            env |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return env

    @contextmanager
    def _attributeless(self) -> Iterator[Runner]:
        """Git where no .gitattributes is seen: `*.py -diff` in a change must not hide its lines."""
        with tempfile.TemporaryDirectory(prefix="tryline-") as scratch:
            empty = Path(scratch)
            nothing = {
                "GIT_WORK_TREE": scratch,
                "GIT_INDEX_FILE": str(empty / "index"),
                "GIT_ATTR_NOSYSTEM": "1",
            }
            yield Runner(empty, self._environ, {**self._repository(), **nothing})

    # ---------------------------------------------------------------------------------------------- git

    @property
    def _git(self) -> Runner:
        return Runner(self.top, self._environ, self._repository())

    def _repository(self) -> dict[str, str]:
        """What tells git where everything is, so that nothing is looked for."""
        fixed = {"GIT_DIR": str(self._git_dir), "GIT_WORK_TREE": str(self.top)}
        stores = [folder / "objects" for folder in (self._common_dir / "tryline", self._user_state())]
        # Snapshots of a repository that cannot be written lie beside it; a later run must be able to read them.
        alternates = [str(store) for store in stores if store.is_dir()]
        if alternates:
            fixed["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.pathsep.join(alternates)
        return fixed

    def _run(self, *args: str, env: Mapping[str, str] | None = None) -> Output:
        return self._git.run(*args, env=env)

    def _try(self, *args: str, env: Mapping[str, str] | None = None) -> Output:
        return self._git.attempt(*args, env=env)

    def _missing(self, what: str) -> RepositoryError:
        return RepositoryError(
            f"The clone lacks {what}.",
            hint="fetch without a filter and with history (`git fetch --refetch --unshallow`)",
            slug="missing-objects",
        )


class Tree:
    """The files of one revision (implements `Files`). Valid as long as its workspace is."""

    def __init__(self, workspace: Workspace, digest: str, entries: Mapping[str, _Entry]) -> None:
        self._workspace = workspace
        self._entries = entries
        self.digest = digest
        """Identity of the content: git's id of the tree."""

    @property
    def modes(self) -> Mapping[str, str]:
        """Git's file mode by path, for everything in the tree: files, symlinks (120000), submodules (160000)."""
        return {path: entry.mode for path, entry in self._entries.items()}

    def paths(self) -> Sequence[str]:
        """Every regular file, sorted."""
        return tuple(sorted(path for path, entry in self._entries.items() if entry.mode in _REGULAR))

    def size(self, path: str) -> int:
        """Bytes of one regular file, without reading it. Raises KeyError when there is no such file."""
        return self._regular(path).size

    def read(self, path: str) -> bytes:
        """Content of one regular file. Raises KeyError when there is no such file."""
        return self._workspace.blob(self._regular(path).blob)

    def tar(self, exclude: Sequence[str] = (), max_file_bytes: int = 64 * 1024 * 1024) -> bytes:
        """The files as a tar archive, equal for equal trees and arguments.

        Holds regular files up to `max_file_bytes` and those symlinks whose target is in the tree and no folder
        around them (whoever walks through the tree would find every file again and again), owner 0, time 0, mode
        0644 or 0755; no submodules, no folders of their own, nothing that `exclude` covers
        (see `bot.patterns`), nothing that a `.git` or `..` in its name would put elsewhere.
        """
        kept = {path: self._entries[path] for path in sorted(self._entries) if not patterns.covers(exclude, path)}
        links = {
            path: self._workspace.blob(entry.blob).decode("utf-8", "surrogateescape")
            for path, entry in kept.items()
            if entry.mode == _SYMLINK
        }
        buffer = io.BytesIO()
        # GNU format: long names and names that are not UTF-8 without extended headers that hold times.
        with tarfile.open(
            fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as archive:
            for path, entry in kept.items():
                info = tarfile.TarInfo(path)
                if path in links:
                    if _leads_on(path, links):
                        info.type, info.linkname, info.mode = tarfile.SYMTYPE, links[path], 0o777
                        archive.addfile(info)
                elif entry.mode in _REGULAR and entry.size <= max_file_bytes:
                    data = self._workspace.blob(entry.blob)
                    info.size, info.mode = len(data), 0o755 if entry.mode == "100755" else 0o644
                    archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    def _regular(self, path: str) -> _Entry:
        entry = self._entries[path]
        if entry.mode not in _REGULAR:
            raise KeyError(path)
        return entry


class Packed:
    """The files of a tar archive that `Tree.tar` made (implements `Files`), where no repository is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        with tarfile.open(fileobj=io.BytesIO(data), encoding="utf-8", errors="surrogateescape") as archive:
            self._places = {m.name: (m.offset_data, m.size) for m in archive if m.isreg()}

    def paths(self) -> Sequence[str]:
        """Every regular file, sorted."""
        return tuple(sorted(self._places))

    def read(self, path: str) -> bytes:
        """Content of one regular file. Raises KeyError when there is no such file."""
        start, size = self._places[path]
        return self._data[start : start + size]

    def tar(self) -> bytes:
        """The archive."""
        return self._data


@dataclass(frozen=True)
class Churn:
    """How often files changed of late."""

    commits: Mapping[str, int]
    """Path -> commits that touched it, merges left out."""
    looked_at: int
    """Commits that were looked at."""
    shallow: bool
    """Whether the history ends there because the clone does."""


def _entries(listing: bytes) -> Iterator[tuple[str, _Entry]]:
    """Entries of `ls-tree -l -z`, without those whose name could leave the tree or reach into a git directory."""
    for record in listing.decode("utf-8", "surrogateescape").split("\0"):
        if record:
            meta, path = record.split("\t", 1)
            mode, _, blob, size = meta.split()
            parts = path.split("/")
            if not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
                yield path, _Entry(mode, blob, int(size) if size != "-" else 0)


def _leads_on(path: str, links: Mapping[str, str]) -> bool:
    """Whether following the symlink at `path`, through other symlinks too, never leaves the tree, and ends
    elsewhere than in a folder around it."""
    steps = 0
    place: list[str] = []
    todo = path.split("/")
    while todo:
        part = todo.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not place:
                return False
            place.pop()
            continue
        place.append(part)
        target = links.get("/".join(place))
        if target is not None:
            steps += 1
            # As many as Linux follows; more is a circle.
            if steps > 40 or posixpath.isabs(target):
                return False
            place.pop()
            todo = target.split("/") + todo
    return path.split("/")[: len(place)] != place


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _not_a_repository(path: Path, error: str) -> RepositoryError:
    if "dubious ownership" in error or "unsafe repository" in error:
        return RepositoryError(
            f"The repository at {path} belongs to another user, and this git refuses to read it.",
            hint=f"git config --global --add safe.directory {path}",
            slug="unsafe-ownership",
        )
    if "not a git repository" in error:
        return RepositoryError(
            f"{path} is not in a git repository.",
            hint="run Tryline in a clone, or make one: `git init && git add -A && git commit`",
            slug="not-a-repository",
        )
    return RepositoryError(
        f"git cannot open {path}: {first_line(error)}",
        hint="check the repository with `git status`",
        slug="not-a-repository",
    )
