"""The command line: what it prints where, which code it ends with, and that one door answers every error."""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from repositories import Repository
from sample_reviews import CLEAN, FINDING, FOUND, NEUTRAL, NOTHING, WITH_REWRITE

from bot import __version__
from bot.cli import Terminal, destinations, exit_code, help_text, run, settings_from_flags, show
from bot.config import load
from bot.domain import Review, Severity
from bot.errors import ExitCode, UsageError
from bot.forges.local import Local
from bot.record import from_json, save
from bot.render import Caps, markdown
from bot.workspace import Workspace

ROOT = Path(__file__).parent.parent


class Ran:
    """One command that ran in this process."""

    def __init__(self, *argv: str, environ: dict[str, str] | None = None) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        plain = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
        self.code = run(argv, Terminal(self.stdout, self.stderr, plain | (environ or {})))
        self.out, self.err = self.stdout.getvalue(), self.stderr.getvalue()


@pytest.fixture
def project(repo: Repository) -> Repository:
    """A repository whose main has a configuration and whose branch changes it."""
    repo.write({"a.py": "def f():\n    return 1\n", ".tryline.yml": "test: {seconds: 11}\n"})
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message", "main")
    repo.git("switch", "--quiet", "--create", "topic")
    repo.write({"a.py": "def f():\n    return 2\n", ".tryline.yml": "test: {seconds: 99}\nimage: evil\n"})
    repo.git("add", "--all")
    repo.git("commit", "--quiet", "--message", "topic")
    return repo


# ------------------------------------------------------------------------------------------------------ help


def test_version_and_help_go_to_stdout() -> None:
    assert Ran("--version").out == f"tryline {__version__}\n"
    for argv in (["--help"], ["review", "--help"], ["clean", "-h"]):
        ran = Ran(*argv)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.startswith("usage: tryline")


def test_help_tells_every_exit_code() -> None:
    for code in ExitCode:
        assert re.search(rf"^  {code.value} +\S", Ran("--help").out, re.MULTILINE)


def test_every_flag_has_a_documented_twin() -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for flag in re.findall(r"--([a-z-]+)", help_text().replace("--version", "").replace("--help", "")):
        if flag not in ("set", "model"):  # whose twins are the settings' own
            assert f"TRYLINE_{flag.replace('-', '_').upper()}" in text, flag


# ----------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("argv", "message", "slug"),
    [
        ([], "no command given", "usage"),
        (["revew"], "there is no command 'revew'; did you mean `review`?", "usage"),
        (["review", "--bse", "x"], "unrecognized arguments: --bse x", "usage"),
        (["replay"], "the following arguments are required: ID", "usage"),
        (["review", "--format", "pdf"], "there is no format 'pdf'", "usage"),
        (["review", "--output", "x.txt"], "--output x.txt: no format for a file", "usage"),
        (["review", "--repo", "/nowhere/at/all"], "There is no directory /nowhere/at/all.", "no-such-directory"),
    ],
)
def test_a_mistake_is_answered_with_message_hint_and_slug(argv: list[str], message: str, slug: str) -> None:
    ran = Ran(*argv)
    lines = ran.err.splitlines()
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert lines[0] == f"error: {message}"
    assert lines[1].startswith("hint: ")
    assert lines[-1] == f"({slug}; see docs/errors.md)"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--budget", "seconds"], "--budget: 'seconds' is not KEY=VALUE"),
        (["--budget", "secs=3"], "`budget.secs` is not a setting; did you mean `budget.seconds`?"),
        (["--budget", "seconds=x"], "--budget seconds=x: `budget.seconds` must be a number, not `x`"),
        (["--set", "test.secnds=3"], "`test.secnds` is not a setting; did you mean `test.seconds`?"),
    ],
)
def test_a_wrong_setting_on_the_command_line(project: Repository, argv: list[str], message: str) -> None:
    ran = Ran("config", "--repo", str(project.path), *argv)
    assert ran.code == ExitCode.USAGE
    assert ran.err.startswith(f"error: {message}\n")


class Stream(io.StringIO):
    """A stream on which writing does something else."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self.act = act

    def write(self, text: str) -> int:
        self.act()
        return len(text)


def failing(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


def test_a_defect_ends_in_a_report_to_paste() -> None:
    stderr = io.StringIO()
    secret = {"PATH": os.environ["PATH"], "API_TOKEN": "hunter2"}
    code = run(["--version"], Terminal(Stream(failing(ZeroDivisionError("oh\x1b[31m"))), stderr, secret))
    assert code == ExitCode.BUG
    lines = stderr.getvalue().splitlines()
    assert lines[0] == "error: a defect of Tryline itself: ZeroDivisionError: oh"
    report = Path(lines[1].rpartition(" ")[2])
    text = report.read_text(encoding="utf-8")
    report.unlink()
    assert f"Tryline {__version__}" in text
    assert "Traceback (most recent call last)" in text
    assert "hunter2" not in text
    assert len(lines) == 3, "no flood"


def test_interrupts_and_readers_that_go_away() -> None:
    def ends_with(act: Callable[[], object]) -> int:
        return run(["--version"], Terminal(Stream(act), io.StringIO(), {}))

    before = signal.getsignal(signal.SIGTERM)
    assert ends_with(failing(KeyboardInterrupt())) == ExitCode.INTERRUPTED
    assert ends_with(lambda: os.kill(os.getpid(), signal.SIGTERM)) == ExitCode.INTERRUPTED
    assert ends_with(failing(BrokenPipeError())) == ExitCode.OK
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_module_runs_as_a_command_and_survives_a_closed_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "revew"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == ExitCode.USAGE
    assert "did you mean `review`?" in done.stderr
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        command = [sys.executable, "-m", "bot", "--help"]
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# -------------------------------------------------------------------------------------------------- settings


def test_config_reads_base_not_head_and_tells_where_from(project: Repository) -> None:
    environ = {"TRYLINE_REPO": str(project.path), "TRYLINE_BASE": "main", "TRYLINE_BUDGET_SECONDS": "5"}
    ran = Ran("config", "--budget", "candidates=7", "--set", "test.args=-x -k 'a b'", environ=environ)
    assert ran.code == ExitCode.OK
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in ran.out.splitlines()}
    assert rows["test.seconds"] == "11 .tryline.yml line 1 at main"
    assert rows["image"] == "null default", "head's file is the stranger's"
    assert rows["budget.seconds"] == "5 environment TRYLINE_BUDGET_SECONDS"
    assert rows["budget.candidates"] == "7 --budget candidates=7"
    assert rows["test.args"] == "[-x, -k, a b] --set test.args=-x -k 'a b'"


def test_a_flag_wins_over_its_twin(project: Repository) -> None:
    environ = {"TRYLINE_BUDGET": "candidates=9,seconds=8", "TRYLINE_BASE": "nowhere"}
    ran = Ran("config", "--repo", str(project.path), "--base", "main", "--budget", "candidates=7", environ=environ)
    rows = {line.split()[0]: line.split()[1] for line in ran.out.splitlines()}
    assert (rows["budget.candidates"], rows["budget.seconds"]) == ("7", "600")
    ran = Ran("config", "--repo", str(project.path), environ={"TRYLINE_BUDGET": "seconds=8"})
    assert "--budget seconds=8" in ran.out


def test_flags_become_settings() -> None:
    args = argparse.Namespace(budget="seconds=1,functions=2", set=["install.extras=a,b"], fail_on="high")
    config = load(flags=settings_from_flags(args))
    assert (config.budget.seconds, config.budget.functions) == (1, 2)
    assert config.install.extras == ("a", "b")
    assert config.fail_on is Severity.HIGH


# -------------------------------------------------------------------------------------------------- delivery


@pytest.mark.parametrize(
    ("review", "fail_on", "code"),
    [
        (CLEAN, None, ExitCode.OK),
        (CLEAN, Severity.LOW, ExitCode.OK),
        (NOTHING, Severity.LOW, ExitCode.OK),
        (FOUND, None, ExitCode.OK),
        (FOUND, Severity.CRITICAL, ExitCode.OK),
        (FOUND, Severity.HIGH, ExitCode.FINDINGS),
        (FOUND, Severity.LOW, ExitCode.FINDINGS),
        (NEUTRAL, None, ExitCode.COULD_NOT),
        (NEUTRAL, Severity.LOW, ExitCode.COULD_NOT),
        (replace(NEUTRAL, findings=(WITH_REWRITE,)), Severity.LOW, ExitCode.FINDINGS),
    ],
)
def test_what_a_review_comes_to(review: Review, fail_on: Severity | None, code: ExitCode) -> None:
    assert exit_code(review, fail_on) is code


def test_formats_on_stdout() -> None:
    def shown(form: str) -> str:
        stream = io.StringIO()
        show(FOUND, form, stream, Caps(), color=True)
        return stream.getvalue()

    assert from_json(json.loads(shown("json"))) == FOUND
    assert shown("markdown") == markdown(FOUND)
    assert "\x1b" not in shown("terminal"), "no colours where there is no terminal"
    assert "-    for price in prices[1:]:\n  +    for price in prices:\n" in shown("terminal")


def test_the_suffix_or_the_format_decides_what_a_file_holds(tmp_path: Path) -> None:
    assert destinations(["a.md", "b.JSON"], None) == {Path("a.md"): "markdown", Path("b.JSON"): "json"}
    assert destinations(["a.txt"], "json") == {Path("a.txt"): "json"}
    with pytest.raises(UsageError):
        destinations(["a.md"], "terminal")


def test_files_are_written(tmp_path: Path) -> None:
    files = {tmp_path / "new/review.md": "markdown", tmp_path / "review.json": "json"}
    where = Local(files, Caps()).publish(FOUND)
    assert (tmp_path / "new/review.md").read_text("utf-8") == markdown(FOUND)
    assert from_json(json.loads((tmp_path / "review.json").read_text("utf-8"))) == FOUND
    assert where.startswith("wrote 2 files: ")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Local({tmp_path / "file" / "x.md": "markdown"}, Caps()).publish(FOUND)


def test_replay_of_what_is_not_there_lists_what_is(project: Repository) -> None:
    with Workspace.open(project.path) as workspace:
        save(FOUND, workspace.state_dir)
        save(CLEAN, workspace.state_dir / "elsewhere")
        save(replace(CLEAN, id="fedcba"), workspace.state_dir)
    ran = Ran("replay", "zzz", "--repo", str(project.path))
    assert ran.code == ExitCode.USAGE
    assert f"{FINDING.id} (review {FOUND.id})" in ran.err
    ran = Ran("replay", "fedcba", "--repo", str(project.path))
    assert "the review fedcba has 0 findings; a replay runs one" in ran.err


def test_readme_and_documentation_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    generated = importlib.import_module("docs").generated()
    assert {path.name for path in generated} == {
        "README.md",
        "action.yml",
        "audit.schema.json",
        "configuration.md",
        "github.md",
        "result.schema.json",
        "sandbox.md",
    }
    for path, text in generated.items():
        assert path.read_text("utf-8") == text, f"{path.name} is stale: run `make docs`"
