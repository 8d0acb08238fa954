"""The command `tryline`: flags in, exit code out. Results on stdout, progress and errors on stderr."""

from __future__ import annotations

import argparse
import difflib
import io
import os
import platform
import signal
import sys
import tempfile
import textwrap
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TextIO

from bot import __version__, audit, ci, report, review, trial, wiring
from bot.audit_state import FILE_NAME as STATE_NAME
from bot.audit_state import State
from bot.audited import Attention, Audit, Standing
from bot.config import FILE_NAME, Config, Given, explain, load, parse
from bot.console import (
    TerminalProgress,
    print_diagnosis,
    print_review,
    print_settings,
    print_verdict,
)
from bot.domain import Change, Conclusion, Review, Revision, Severity
from bot.errors import ExitCode, RepositoryError, TrylineError, UsageError
from bot.forges import NAMES, Format
from bot.problems import command as bench
from bot.problems.trying import Model as CellModel
from bot.problems.trying import Workshop
from bot.progress import Progress, Silent
from bot.record import audit_dumps, find, find_in, save, write_atomically
from bot.record import load as load_result
from bot.render import Caps, counted, one_line, plain
from bot.replaying import replay
from bot.sandboxes import Diagnosis
from bot.steps import upkeep
from bot.workspace import Workspace

_FILES: Mapping[str, Format] = {
    "markdown": "markdown",
    "json": "json",
    "sarif": "sarif",
    "html": "html",
    "codequality": "codequality",
    "sast": "sast",
}
_FORMATS = ("terminal", *_FILES)
_SUFFIXES = {
    ".json": "json",
    ".md": "markdown",
    ".markdown": "markdown",
    ".sarif": "sarif",
    ".html": "html",
    ".htm": "html",
}

_TWINS = {
    "repo": "TRYLINE_REPO",
    "base": "TRYLINE_BASE",
    "head": "TRYLINE_HEAD",
    "format": "TRYLINE_FORMAT",
    "output": "TRYLINE_OUTPUT",
    "function": "TRYLINE_FUNCTION",
    "budget": "TRYLINE_BUDGET",
    "quiet": "TRYLINE_QUIET",
    "no_color": "TRYLINE_NO_COLOR",
    "from": "TRYLINE_FROM",
    "state": "TRYLINE_STATE",
    "scheduler": "TRYLINE_SCHEDULER",
    "repository": "TRYLINE_REPOSITORY",
    "pull": "TRYLINE_PULL",
    "record_traffic": "TRYLINE_RECORD_TRAFFIC",
    "replay_traffic": "TRYLINE_REPLAY_TRAFFIC",
}
"""The environment's twin of each flag that is not a setting; `TRYLINE_FAIL_ON` is a setting's."""

EXIT_CODES = """\
exit codes:
  0    the review ran; nothing at or above --fail-on
  1    findings at or above --fail-on; for replay: the verdict is no longer the same
  2    the command line, .tryline.yml or the repository is not right
  3    the review could not run, or not all of it: never a pass
  4    a defect of Tryline itself; a report to paste was written
  130  interrupted"""

EXAMPLES = """\
examples:
  tryline review                          what this branch and the working tree change, against main
  tryline review --base main --head topic --fail-on high
  tryline review --output review.md --output review.json
  tryline try src/cart.py::Basket.total   rewrite one function that its tests show to be broken
  tryline audit                           every function of the repository, highest risk first
  tryline replay 4d34ce602922             run the proof of a finding again
  tryline post --from tryline-result.json   finish a delivery that broke off
  tryline doctor                          what works here, what is missing"""

SETTINGS = """\
Every flag has a twin in the environment (--base is TRYLINE_BASE, --no-color is TRYLINE_NO_COLOR), every setting
of .tryline.yml too (budget.seconds is TRYLINE_BUDGET_SECONDS). A flag wins over the environment, the environment
over .tryline.yml, which is read at the base commit. docs/configuration.md lists all settings."""


MOST_RISKY = 10
"""Functions that a terminal shows of an audit."""


@dataclass(frozen=True)
class Terminal:
    """What a command may talk to."""

    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str]


# ------------------------------------------------------------------------------------------------------ doors


def main() -> None:
    """The console script. Ends the process with an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no `…` is no reason to lose a review.
            stream.reconfigure(errors="replace")
    code = run(sys.argv[1:], Terminal(sys.stdout, sys.stderr, dict(os.environ)))
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`); without this, Python complains while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def run(argv: Sequence[str], terminal: Terminal) -> int:
    """One command, from its arguments to its exit code: the only place where errors become text."""
    try:
        with _terminable():
            args = _arguments(argv, terminal)
            command: Callable[[argparse.Namespace, Terminal], int] = args.command
            return command(args, terminal)
    except TrylineError as error:
        _say(terminal, f"error: {plain(error.message)}", f"hint: {plain(error.hint)}" if error.hint else "")
        _say(terminal, f"({error.slug}; see docs/errors.md)")
        return error.exit_code
    except _Done as done:
        return done.code
    except KeyboardInterrupt:
        _say(terminal, "interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        return ExitCode.OK
    except Exception as error:
        _say(
            terminal,
            f"error: a defect of Tryline itself: {type(error).__name__}: {one_line(error, 200)}",
            f"hint: please report it with the text in {_write_report(error, argv)}",
            "(bug; see docs/errors.md)",
        )
        return ExitCode.BUG


def _say(terminal: Terminal, *texts: str) -> None:
    for text in filter(None, texts):
        terminal.stderr.write(text + "\n")
    terminal.stderr.flush()


def _write_report(error: Exception, argv: Sequence[str]) -> str:
    """Writes what a maintainer needs to a file, without anything of the environment, and says where."""
    trace = "".join(traceback.format_exception(error))
    text = (
        f"Tryline {__version__}, Python {platform.python_version()}, {platform.platform()}\n\n"
        f"Arguments: {list(argv)!r}\n\n{plain(trace, 100_000)}"
    )
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="tryline-report-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
            return file.name
    except OSError:
        return f"this traceback:\n{text}"


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, which build servers send, ends a run like ^C does: with everything cleaned up."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread: somebody else decides about signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# --------------------------------------------------------------------------------------------------- arguments


class _Done(Exception):
    """Help or the version was printed."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Parser(argparse.ArgumentParser):
    """Raises UsageError instead of ending the process, and prints where it is told to."""

    stdout: TextIO

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"`{self.prog} --help` explains everything.", slug="usage")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        self.stdout.write(message or "")
        raise _Done(status)

    def print_help(self, file: Any = None) -> None:
        (file or self.stdout).write(self.format_help())


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        assert isinstance(parser, _Parser)  # noqa: S101
        parser.stdout.write(f"tryline {__version__}\n")
        parser.exit()


def _formatter(prog: str) -> argparse.HelpFormatter:
    # A fixed width: the text stands in README, where a test compares it.
    return argparse.RawDescriptionHelpFormatter(prog, width=112, max_help_position=30)


def parser(environ: Mapping[str, str], stdout: TextIO) -> argparse.ArgumentParser:
    """The command line; defaults come from the environment's twins."""

    class Parser(_Parser):
        pass

    Parser.stdout = stdout
    top = Parser(
        prog="tryline",
        description="Reviews a branch by running it: findings with a witness, rewrites that passed the tests.",
        epilog=f"{EXAMPLES}\n\n{EXIT_CODES}\n\n{SETTINGS}",
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = top.add_subparsers(title="commands", metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace, Terminal], int], text: str) -> Parser:
        sub = commands.add_parser(
            name, help=text, description=text.capitalize() + ".", formatter_class=_formatter, allow_abbrev=False
        )
        sub.set_defaults(command=function)
        _common(sub, environ)
        assert isinstance(sub, Parser)  # noqa: S101
        return sub

    sub = command("review", _review, "review what a branch changes")
    _revisions(sub, environ)
    sub.add_argument(
        "--function",
        metavar="FILE::QUALNAME",
        default=environ.get(_TWINS["function"]) or None,
        help="review this function only",
    )
    _spending(sub, environ)
    _asking(sub, environ)
    _delivery(sub, environ)
    sub = command("try", _try, "rewrite one function that its tests show to be broken")
    sub.add_argument("target", metavar="FILE::QUALNAME", help="the function")
    _revisions(sub, environ, base=False)
    _spending(sub, environ)
    _asking(sub, environ)
    _delivery(sub, environ)
    sub = command("audit", _audit, "look at every function of the repository, highest risk first")
    _auditing(sub, environ)
    _spending(sub, environ)
    _asking(sub, environ)
    _delivery(sub, environ)
    sub = command("replay", _replay, "run the proof of a saved finding again")
    sub.add_argument("id", metavar="ID", help="of a finding or a review; its start is enough")
    sub.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        type=Path,
        default=_path(environ, _TWINS["from"]),
        help="a result that another run has saved, such as a job's artifact (default: those saved here)",
    )
    _spending(sub, environ)
    sub = command("ci", _ci, "do what the event of a build server asks for: review its pull request")
    _spending(sub, environ)
    sub = command("post", _post, "post a saved result on its pull request, or what of it is not there yet")
    ci.add_post_arguments(sub, environ)
    _spending(sub, environ)
    sub = command("doctor", _doctor, "say what works here and what is missing")
    _spending(sub, environ)
    sub.add_argument("--endpoint", metavar="URL", help="ask this server what it can do")
    sub.add_argument("--model", metavar="NAME", help="and this model there")
    sub = command("config", _config, "show every effective setting and where it came from")
    _revisions(sub, environ)
    _spending(sub, environ)
    sub = command("bench", _bench, "measure whether guidance helps a model, on sets of problems")
    bench.add_arguments(sub)
    _spending(sub, environ)
    sub.add_argument("--endpoint", metavar="URL", help="base URL of the server (the setting endpoint.url)")
    sub.add_argument("--model", metavar="NAME", help="model to ask there (the setting endpoint.model)")
    command("clean", _clean, "remove what earlier runs left behind in the engine")
    return top


def _common(sub: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    sub.add_argument(
        "--repo",
        metavar="DIR",
        type=Path,
        default=Path(environ.get(_TWINS["repo"]) or "."),
        help="a folder in the repository (default: here)",
    )
    sub.add_argument(
        "-q", "--quiet", action="store_true", default=_flag(environ, _TWINS["quiet"]), help="no progress on stderr"
    )
    sub.add_argument(
        "--no-color",
        action="store_true",
        default=_flag(environ, _TWINS["no_color"]) or bool(environ.get("NO_COLOR")),
        help="no colours (also: NO_COLOR)",
    )


def _revisions(sub: argparse.ArgumentParser, environ: Mapping[str, str], *, base: bool = True) -> None:
    if base:
        sub.add_argument(
            "--base",
            metavar="REF",
            default=environ.get(_TWINS["base"]) or None,
            help="compare with where head left this branch (default: the default branch)",
        )
    sub.add_argument(
        "--head",
        metavar="REF",
        default=environ.get(_TWINS["head"]) or None,
        help="what to look at (default: the working tree)",
    )


def _auditing(sub: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    sub.add_argument("paths", metavar="PATH", nargs="*", help="only what lies there (default: everything)")
    sub.add_argument(
        "--head",
        metavar="REF",
        default=environ.get(_TWINS["head"]) or None,
        help="what to look at (default: HEAD)",
    )
    sub.add_argument(
        "--state",
        metavar="FILE",
        type=Path,
        default=_path(environ, _TWINS["state"]),
        help="what audits leave for the next one (default: a file in the git directory)",
    )
    sub.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        default=environ.get(_TWINS["scheduler"]) or "",
        help="run on the workers of this Dask scheduler, e.g. tls://host:8786 (default: on this machine)",
    )
    sub.add_argument(
        "--everything", action="store_true", help="also what has not changed since it was last audited"
    )


def _spending(sub: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    sub.add_argument(
        "--budget",
        metavar="KEY=VALUE,...",
        default=environ.get(_TWINS["budget"]) or "",
        help="limits, e.g. seconds=120,candidates=200 (keys: functions, candidates, executions, seconds, "
        "function_seconds, tokens_in, tokens_out, requests, money ...)",
    )
    sub.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="any setting of .tryline.yml by its dotted name, e.g. test.seconds=60; may be repeated",
    )


def _asking(sub: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    sub.add_argument(
        "--endpoint", metavar="URL", help="base URL of an OpenAI-compatible server (the setting endpoint.url)"
    )
    sub.add_argument("--model", metavar="NAME", help="model to ask there (the setting endpoint.model)")
    sub.add_argument(
        "--record-traffic",
        metavar="FILE",
        type=Path,
        default=_path(environ, _TWINS["record_traffic"]),
        help="write every request to the model and its answer there, without keys",
    )
    sub.add_argument(
        "--replay-traffic",
        metavar="FILE",
        type=Path,
        default=_path(environ, _TWINS["replay_traffic"]),
        help="answer from such a file instead of asking: nothing is sent",
    )


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _delivery(sub: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    sub.add_argument(
        "--fail-on", metavar="SEVERITY", help="exit with 1 at this severity: low, medium, high or critical"
    )
    sub.add_argument(
        "--format",
        metavar="FORMAT",
        default=environ.get(_TWINS["format"]) or None,
        help="terminal (default), markdown, json, sarif, html, codequality or sast (GitLab's reports)",
    )
    sub.add_argument(
        "--output",
        metavar="FILE",
        action="append",
        help="write the result there, as its suffix says (.html, .md, .json, .sarif) or --format; repeatable",
    )


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() not in ("", "0", "false", "no", "off")


def _arguments(argv: Sequence[str], terminal: Terminal) -> argparse.Namespace:
    """The parsed command line. Raises UsageError, with the nearest command for one that does not exist."""
    top = parser(terminal.environ, terminal.stdout)
    names = ("review", "try", "audit", "replay", "ci", "post", "doctor", "config", "bench", "clean")
    word = next((word for word in argv if not word.startswith("-")), None)
    if not {"-h", "--help", "--version"} & set(argv):
        if word is None:
            raise UsageError(
                "no command given",
                hint=f"Commands: {', '.join(names)}; `tryline --help` explains them.",
                slug="usage",
            )
        if argv[0] == word and word not in names:
            near = difflib.get_close_matches(word, names, n=1)
            raise UsageError(
                f"there is no command {one_line(word, 40)!r}" + (f"; did you mean `{near[0]}`?" if near else ""),
                hint=f"Commands: {', '.join(names)}.",
                slug="usage",
            )
    args = top.parse_args(argv)
    if getattr(args, "output", ()) is None:
        written = terminal.environ.get(_TWINS["output"], "")
        args.output = [name.strip() for name in written.split(",") if name.strip()]
    form = getattr(args, "format", None)
    if form is not None and form not in _FORMATS:
        raise UsageError(
            f"there is no format {one_line(form, 40)!r}", hint=f"Formats: {', '.join(_FORMATS)}.", slug="usage"
        )
    return args


def settings_from_flags(args: argparse.Namespace) -> dict[str, Given]:
    """Dotted name -> value for the flags that set a setting. Raises UsageError, ConfigError."""
    given: dict[str, Given] = {}
    for item in filter(None, (part.strip() for part in getattr(args, "budget", "").split(","))):
        key, value = _pair(item, "--budget", "seconds=120,candidates=200")
        # What bounds an audit is more than what bounds a review, and has settings of its own.
        audits = getattr(args, "command", None) is _audit and key in ("functions", "seconds", "executions")
        name = f"{'audit' if audits else 'budget'}.{key}"
        given[name] = Given(parse(name, value), f"--budget {one_line(item, 60)}")
    for item in getattr(args, "set", ()):
        key, value = _pair(item, "--set", "test.seconds=60")
        given[key] = Given(parse(key, value), f"--set {one_line(item, 60)}")
    for flag, name in (("endpoint", "endpoint.url"), ("model", "endpoint.model")):
        if getattr(args, flag, None):
            given[name] = Given(parse(name, getattr(args, flag)), f"--{flag}")
    if getattr(args, "fail_on", None):
        given["fail_on"] = Given(parse("fail_on", args.fail_on), "--fail-on")
    return given


def _pair(item: str, flag: str, example: str) -> tuple[str, str]:
    key, sign, value = item.partition("=")
    if not sign or not key.strip() or not value.strip():
        raise UsageError(
            f"{flag}: {one_line(item, 60)!r} is not KEY=VALUE",
            hint=f"Write it like `{flag} {example}`.",
            slug="usage",
        )
    return key.strip(), value.strip()


# ---------------------------------------------------------------------------------------------------- commands


def _review(args: argparse.Namespace, terminal: Terminal) -> int:
    outputs = destinations(args.output, args.format)
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(args.repo, environ=terminal.environ))
        progress = _progress(args, terminal, stack)
        change = workspace.change(args.base, args.head)
        config = _load(args, terminal, workspace, change.base)
        _note_config_of_head(workspace, change, progress)
        parts = _parts(config, args, terminal, workspace)
        result = review.review(
            parts,
            workspace,
            config,
            progress,
            base=args.base,
            head=args.head,
            only=args.function,
            keep=partial(save, state_dir=workspace.state_dir),
        )
        _save(result, workspace, progress)
    return _deliver(result, config, args, terminal, outputs)


def _try(args: argparse.Namespace, terminal: Terminal) -> int:
    outputs = destinations(args.output, args.format)
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(args.repo, environ=terminal.environ))
        progress = _progress(args, terminal, stack)
        config = _load(args, terminal, workspace, _trusted(workspace, args.head))
        parts = _parts(config, args, terminal, workspace)
        keep = partial(save, state_dir=workspace.state_dir)
        result = review.attempt(parts, workspace, config, progress, target=args.target, head=args.head, keep=keep)
        _save(result, workspace, progress)
    return _deliver(result, config, args, terminal, outputs)


def _audit(args: argparse.Namespace, terminal: Terminal) -> int:
    outputs = destinations(args.output, args.format)
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(args.repo, environ=terminal.environ))
        progress = _progress(args, terminal, stack)
        config = _load(args, terminal, workspace, workspace.revision(args.head or "HEAD"))
        parts = _parts(config, args, terminal, workspace)
        state = stack.enter_context(State.open(args.state or workspace.state_dir / STATE_NAME))
        executor = stack.enter_context(
            closing(wiring.executor(config.audit.workers, terminal.environ, args.scheduler))
        )
        result = audit.audit(
            parts,
            workspace,
            config,
            progress,
            executor,
            state,
            head=args.head,
            paths=args.paths,
            everything=args.everything,
        )
        _save(result.review, workspace, progress)
    return _deliver(result.review, config, args, terminal, outputs, result)


def _save(result: Review, workspace: Workspace, progress: Progress) -> None:
    """Writes the result to the state folder; a full disk costs the file, not what the review says."""
    try:
        progress.note(f"saved {save(result, workspace.state_dir)}")
    except OSError as problem:
        progress.note(f"not saved in {workspace.state_dir}: {problem.strerror or problem}")


def _replay(args: argparse.Namespace, terminal: Terminal) -> int:
    with ExitStack() as stack:
        workspace = stack.enter_context(Workspace.open(args.repo, environ=terminal.environ))
        if args.source is None:
            saved, finding_id = find(workspace.state_dir, args.id)
        else:
            saved, finding_id = find_in([load_result(args.source)], args.id)
        if finding_id is None:
            ids = [item.finding.id for item in saved.findings]
            raise UsageError(
                f"the review {saved.id} has {counted(len(ids), 'finding')}; a replay runs one",
                hint=f"Name one of them: {', '.join(ids)}." if ids else "There is nothing to replay.",
                slug="result-ambiguous",
            )
        progress = _progress(args, terminal, stack)
        config = _load(args, terminal, workspace, saved.change.base)
        parts = wiring.assemble(config, terminal.environ)
        verdict = replay(parts, workspace, config, progress, review=saved, finding_id=finding_id)
    with wiring.job(terminal.environ, terminal.stdout).commandless():
        print_verdict(verdict, terminal.stdout, color=not args.no_color)
    return ExitCode.OK if verdict.accepted else ExitCode.FINDINGS


def _parts(config: Config, args: argparse.Namespace, terminal: Terminal, workspace: Workspace) -> wiring.Parts:
    """What the command works with. Raises UsageError for traffic that cannot be read or written."""
    if args.record_traffic is not None and args.record_traffic == args.replay_traffic:
        raise UsageError(
            "--record-traffic and --replay-traffic name the same file",
            hint="A run either writes a recording or plays one.",
            slug="usage",
        )
    traffic = wiring.Traffic(args.record_traffic, args.replay_traffic)
    return wiring.assemble(config, terminal.environ, workspace.state_dir, traffic)


def _doctor(args: argparse.Namespace, terminal: Terminal) -> int:
    state: Path | None = None
    try:
        with Workspace.open(args.repo, environ=terminal.environ) as workspace:
            config = _load(args, terminal, workspace, _trusted(workspace, None))
            state = workspace.state_dir
    except RepositoryError:  # outside a repository: what the environment says is all there is
        flags = settings_from_flags(args)
        config = load(None, environ=terminal.environ, flags=flags, also=_also())
    here = Diagnosis("tryline", True, f"{__version__} on Python {platform.python_version()}, {platform.system()}")
    engine = wiring.assemble(config, terminal.environ).backend.diagnose()
    rows = (here, *engine, *wiring.diagnosed(config, terminal.environ, state))
    print_diagnosis(rows, terminal.stdout, color=not args.no_color)
    return ExitCode.OK if all(row.ok for row in rows) else ExitCode.COULD_NOT


def _config(args: argparse.Namespace, terminal: Terminal) -> int:
    with Workspace.open(args.repo, environ=terminal.environ) as workspace:
        config = _load(args, terminal, workspace, workspace.change(args.base, args.head).base)
    print_settings(explain(config), terminal.stdout, color=not args.no_color)
    return ExitCode.OK


def _ci(args: argparse.Namespace, terminal: Terminal) -> int:
    """All that it needs is in the environment; it needs no repository to start with."""
    flags = settings_from_flags(args)
    return ci.respond(terminal.environ, terminal.stdout, quiet=args.quiet, flags=flags, also=tuple(_also()))


def _post(args: argparse.Namespace, terminal: Terminal) -> int:
    config = ci.config_of(terminal.environ, settings_from_flags(args), _also())
    return ci.post(args, terminal.environ, terminal.stdout, config)


def _bench(args: argparse.Namespace, terminal: Terminal) -> int:
    """An experiment needs no repository: its settings come from the environment and flags."""
    config = load(None, environ=terminal.environ, flags=settings_from_flags(args), also=_also())
    with ExitStack() as stack:
        progress = _progress(args, terminal, stack)
        parts = wiring.assemble(config, terminal.environ)
        stack.callback(parts.backend.close)
        raw = wiring.unmetered(config, terminal.environ)
        model = None
        if raw is not None:
            model = CellModel(lambda: wiring.for_one_cell(raw, config), wiring.counter(raw))
        shop = Workshop(
            trial.Lab(parts.backend, config.limits()),
            parts.languages[0],
            parts.detectors,
            parts.proposers,
            model,
            review.search_of(config),
            suite_seconds=min(120.0, config.test.seconds),
        )
        budget = config.budget
        cell = {
            "tokens_in": budget.function_tokens_in,
            "tokens_out": budget.function_tokens_out,
            "requests": budget.function_requests,
        }
        return bench.run(bench.asked(args), shop, raw, cell, __version__, terminal.stdout, progress)


def _clean(args: argparse.Namespace, terminal: Terminal) -> int:
    config = load(None, environ=terminal.environ, also=_also())
    removed = wiring.assemble(config, terminal.environ).backend.clean()
    if not args.quiet:
        terminal.stdout.write(f"removed {counted(removed, 'thing')}\n")
    return ExitCode.OK


def _progress(args: argparse.Namespace, terminal: Terminal, stack: ExitStack) -> Progress:
    if args.quiet:
        return Silent()
    return stack.enter_context(TerminalProgress(terminal.stderr, color=not args.no_color))


def _load(args: argparse.Namespace, terminal: Terminal, workspace: Workspace, base: Revision) -> Config:
    """The configuration, its file read at base: head is what is reviewed, and may be a stranger's."""
    return load(
        workspace.read_at(base, FILE_NAME),
        at=base.name,
        environ=terminal.environ,
        flags=settings_from_flags(args),
        also=_also(),
    )


def _also() -> tuple[str, ...]:
    """Variables that are named like settings and are none."""
    return (*_TWINS.values(), *wiring.VARIABLES)


def _trusted(workspace: Workspace, head: str | None) -> Revision:
    """Where `try` reads the configuration: the base of what is under review, else head itself."""
    try:
        return workspace.change(None, head).base
    except RepositoryError:
        return workspace.revision(head or "HEAD")


def _note_config_of_head(workspace: Workspace, change: Change, progress: Progress) -> None:
    """Says so when the branch changes its own settings: they count once they are in base."""
    if workspace.read_at(change.head, FILE_NAME) != workspace.read_at(change.base, FILE_NAME):
        progress.note(f"{FILE_NAME} differs at head; base's is used")


# ---------------------------------------------------------------------------------------------------- delivery


def destinations(names: Sequence[str], form: str | None) -> dict[Path, Format]:
    """File -> format for each `--output`: what `--format` says, else the suffix. Raises UsageError."""
    files = {}
    for name in names:
        path = Path(name)
        named = NAMES.get(path.name, _SUFFIXES.get(path.suffix.lower(), ""))
        chosen = _FILES.get(form or named)
        if chosen is None:
            raise UsageError(
                f"--output {one_line(name, 100)}: no format for a file",
                hint="End its name in .html, .md, .json or .sarif, or say `--format` (`tryline review --help`).",
                slug="usage",
            )
        files[path] = chosen
    return files


def _deliver(
    result: Review,
    config: Config,
    args: argparse.Namespace,
    terminal: Terminal,
    outputs: Mapping[Path, Format],
    audited: Audit | None = None,
) -> int:
    """Writes the files, prints the result, decides the exit code."""
    caps = Caps(config.comments.max_inline, suspected=config.comments.suspected)

    def text(form: Format) -> str:
        return wiring.text(result, form, caps) if audited is None else audit_text(audited, form, caps)

    for path, form in outputs.items():
        _write(path, text(form))
    if outputs and not args.quiet:
        _say(terminal, f"wrote {counted(len(outputs), 'file')}: {', '.join(map(str, outputs))}")
    shown = None if outputs else _FILES.get(args.format or "terminal")
    if shown is not None:
        terminal.stdout.write(text(shown))
        return exit_code(result, config.fail_on)
    with wiring.job(terminal.environ, terminal.stdout).commandless():
        show(result, "terminal", terminal.stdout, caps, color=not args.no_color)
        if audited is not None:
            terminal.stdout.write("\n" + "".join(f"{line}\n" for line in audit_lines(audited)))
    return exit_code(result, config.fail_on)


def show(result: Review, form: str, stream: TextIO, caps: Caps, *, color: bool) -> None:
    """Prints the result in one of the formats."""
    if form == "terminal":
        print_review(result, stream, color=color, caps=caps)
    else:
        stream.write(wiring.text(result, _FILES[form], caps))


def _write(path: Path, content: str) -> None:
    """Writes a file, whole or not at all. Raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="Give `--output` a file in a folder that you may write to.",
            slug="output",
        ) from None


def audit_text(audited: Audit, form: Format, caps: Caps) -> str:
    """An audit as the text of a file of this form; what knows no audits gets its review."""
    if form == "json":
        return audit_dumps(audited)
    if form == "markdown":
        return upkeep.markdown(audited)
    if form == "html":
        return report.page(audited.review, audited)
    return wiring.text(audited.review, form, caps)


def audit_lines(audited: Audit) -> Iterator[str]:
    """What a terminal shows of an audit besides its findings: who was looked at, and who comes first."""
    counts = Counter(row.attention for row in audited.functions)
    told = ", ".join(f"{counts[word]} {word.value.replace('-', ' ')}" for word in Attention if counts[word])
    yield f"{counted(len(audited.functions), 'function')}: {told or 'none'}"
    new = sum(row.standing is Standing.NEW for row in audited.findings)
    yield f"findings: {new} new, {len(audited.findings) - new} still there, {len(audited.fixed)} fixed"
    for row in audited.fixed:
        yield f"  fixed: {one_line(row.title)} ({one_line(row.function)}, since {one_line(row.since)[:10]})"
    for one in audited.functions[:MOST_RISKY]:
        factors = sorted(one.risk.factors.items(), key=lambda pair: -pair[1])[:3]
        why = ", ".join(f"{name} {value:.2f}" for name, value in factors)
        yield f"  risk {one.risk.score:.2f}  {one_line(one.function.id)}  ({why}; {counted(one.tests, 'test')})"


def exit_code(result: Review, fail_on: Severity | None) -> ExitCode:
    """What a review comes to. A proven finding counts even where the review could not do everything, unless
    somebody asked to ignore it."""
    counting = [item.finding for item in result.findings if not item.ignored]
    if fail_on is not None and any(finding.severity.rank >= fail_on.rank for finding in counting):
        return ExitCode.FINDINGS
    return ExitCode.COULD_NOT if result.conclusion is Conclusion.NEUTRAL else ExitCode.OK


def help_text() -> str:
    """What `tryline --help` and the help of `tryline review` print: README holds it, a test compares."""
    top = parser({}, io.StringIO())
    review_help = io.StringIO()
    with suppress(_Done):
        parser({}, review_help).parse_args(["review", "--help"])
    return textwrap.dedent(
        f"$ tryline --help\n{top.format_help()}\n$ tryline review --help\n{review_help.getvalue()}"
    )
