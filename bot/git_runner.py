"""Git commands, every way to run a repository's code closed to them. The home of GitPython."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, TimeoutExpired
from typing import Any, BinaryIO

# GitPython refuses to be imported where there is no git; we want to say so ourselves, with a remedy.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git.cmd import Git

from bot.errors import RepositoryError

OVERRIDES = (
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "core.pager=cat",
    # Above this size a file is not diffed line by line, so a huge file cannot fill our memory.
    "core.bigFileThreshold=16m",
    "protocol.allow=never",
    "submodule.recurse=false",
    "diff.suppressBlankEmpty=false",
    "diff.renameLimit=2000",
    "gc.auto=0",
    # Continuous integration checks out as another user than the one we run as; what ownership protects from
    # (a stranger's configuration that starts programs) is switched off above.
    "safe.directory=*",
)
KEPT_ENVIRONMENT = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR")


@dataclass(frozen=True)
class Output:
    """What a git command gave."""

    status: int
    out: bytes
    error: str

    def text(self) -> str:
        """Standard output without the line end."""
        return self.out.decode("utf-8", "surrogateescape").removesuffix("\n")


class Runner:
    """Git commands in one folder: an environment made here, every way to run a repository's code closed."""

    def __init__(self, folder: Path, environ: Mapping[str, str], fixed: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ
        self._fixed = fixed
        self._git = Git(str(folder))

    def run(self, *args: str, env: Mapping[str, str] | None = None) -> Output:
        """What a command printed that should not fail. Raises RepositoryError `git-failed` when it does."""
        output = self.attempt(*args, env=env)
        if output.status != 0:
            raise RepositoryError(
                f"`git {args[0]}` failed in {self._folder}: {first_line(output.error)}",
                hint="check the repository with `git status` and `git fsck`",
                slug="git-failed",
            )
        return output

    def attempt(self, *args: str, env: Mapping[str, str] | None = None, stdin: BinaryIO | None = None) -> Output:
        """What a command printed and its exit status."""
        status, out, error = self._git.execute(
            self._command(args, env or {}),
            istream=stdin,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
        )
        return _there(Output(int(status), out, error))

    def within(self, seconds: float, *args: str) -> Output:
        """What a command printed and its exit status. When its time is over, or ours, it ends with all that it
        started. Raises TimeoutError."""
        command = self._command(args, {})
        # The wrapper ends its process when it is let go, and its `wait` names all arguments in an exception.
        wrapper = self._git.execute(command, as_process=True, start_new_session=True)
        process: Any = wrapper.proc
        try:
            out, error = process.communicate(timeout=max(0.0, seconds))
        except BaseException as reason:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(reason, TimeoutExpired):
                raise TimeoutError(f"`git {args[0]}` took longer than {seconds:.0f} s") from None
            raise
        return _there(Output(process.returncode, out, error.decode("utf-8", "replace")))

    def start(self, *args: str) -> Git.AutoInterrupt:
        """A command that answers on its standard output what it is asked on its standard input."""
        return self._git.execute(self._command(args, {}), as_process=True, istream=PIPE)

    def _command(self, args: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The argument vector, through `env -i`: GitPython can add to the environment but not take from it."""
        environment = {name: self._environ[name] for name in KEPT_ENVIRONMENT if name in self._environ}
        environment |= {
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            **self._fixed,
            **env,
        }
        settings = [part for override in OVERRIDES for part in ("-c", override)]
        pairs = [f"{name}={value}" for name, value in environment.items()]
        return ["env", "-i", *pairs, "git", "--no-pager", *settings, *args]


class Reader:
    """One `git cat-file --batch`: many reads, one process."""

    def __init__(self, process: Git.AutoInterrupt) -> None:
        self._process = process

    def read(self, blob: str) -> bytes | None:
        """Content of an object; None when the repository lacks it."""
        self._process.stdin.write(blob.encode("ascii") + b"\n")
        self._process.stdin.flush()
        header = self._process.stdout.readline().split()
        if len(header) != 3:
            return None
        size = int(header[2])
        data: bytes = self._process.stdout.read(size + 1)
        return data[:size] if len(data) == size + 1 else None

    def close(self) -> None:
        """Ends the process, if nobody has."""
        process: Any = self._process.proc
        with contextlib.suppress(OSError):  # its end of the pipe may be gone
            process.stdin.close()
        # Not the wrapper's own: what a signal has ended did not fail, and its error would name the environment.
        process.wait()


def _there(output: Output) -> Output:
    """The output, if there is a git: `env` says by its exit status that there is none. Raises RepositoryError."""
    if output.status == 127:
        raise RepositoryError("git is not installed.", hint="install git 2.31 or newer", slug="no-git")
    return output


def first_line(error: str) -> str:
    """What git complained of first."""
    return error.strip().split("\n")[0] or "no message"
