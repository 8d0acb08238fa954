"""The commands of a build server: `ci` does what its event asks for, `post` delivers a saved result."""

from __future__ import annotations

import argparse
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TextIO

from bot import audit_job, delivery, pull_request, record, wiring
from bot.config import Config, Given, load
from bot.domain import Target
from bot.errors import ExitCode, TrylineError, UsageError
from bot.forges import Job
from bot.plan import Level, Platform, Task
from bot.progress import Silent, Tally, after, pieces
from bot.render import one_line

RESULT = Path("tryline-result.json")
"""Where a run leaves its result, in the workspace: no hidden file, since those are left out of artifacts."""
QUIET_SECONDS = 15.0
"""Without a line for so long, a reader of the log may think that it hangs."""
PLATFORMS: Mapping[Platform, tuple[str, str, str, str]] = {
    "github": ("GITHUB_API_URL", "GITHUB_SERVER_URL", "https://api.github.com", "https://github.com"),
    "gitlab": ("CI_API_V4_URL", "CI_SERVER_URL", "https://gitlab.com/api/v4", "https://gitlab.com"),
}
"""Platform -> the variables with the addresses of its API and its pages, and what they are without them."""
PERMISSIONS: Mapping[Platform, str] = {
    "github": "Set GITHUB_TOKEN to one that has `pull-requests: write` for the repository.",
    "gitlab": "Set GITLAB_TOKEN to one with the scope `api`, of somebody with the role Developer in the project.",
}


def add_post_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """The flags of `tryline post`."""
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        type=Path,
        default=Path(environ["TRYLINE_FROM"]) if environ.get("TRYLINE_FROM") else None,
        help="a result that `tryline ci` or `tryline review --output FILE.json` has saved",
    )
    parser.add_argument(
        "--repository",
        metavar="OWNER/NAME",
        default=environ.get("TRYLINE_REPOSITORY") or environ.get("GITHUB_REPOSITORY") or None,
        help="where the pull request is (default: GITHUB_REPOSITORY, else what the result says)",
    )
    parser.add_argument(
        "--pull",
        metavar="NUMBER",
        type=int,
        default=environ.get("TRYLINE_PULL") or None,
        help="the pull request (default: what the result says)",
    )
    parser.add_argument(
        "--project",
        metavar="GROUP/NAME",
        help="on GitLab: where the merge request is (default: what the result says)",
    )
    parser.add_argument(
        "--merge-request",
        metavar="NUMBER",
        type=int,
        help="on GitLab: the merge request (default: what the result says)",
    )


def respond(
    environ: Mapping[str, str],
    stdout: TextIO,
    *,
    quiet: bool,
    flags: Mapping[str, Given],
    also: Iterable[str],
) -> ExitCode:
    """Does what the event in the environment asks for. Raises TrylineError, which the job shows by then."""
    inputs = wiring.inputs(environ)
    job = wiring.job(environ, stdout)
    job.mask(*filter(None, (inputs.token, inputs.endpoint_key, *keys(environ))))
    for warning in inputs.warnings:
        job.report(Level.WARNING, warning)
    progress = JobProgress(job)
    desk = pull_request.Desk(
        environ=inputs.environ(environ),
        token=inputs.token,
        job=job,
        progress=Silent() if quiet else progress,
        also=(*also, *inputs.known),
        flags=flags,
        result=Path(inputs.result) if inputs.result else RESULT,
        sarif=Path(inputs.sarif_file) if inputs.sarif_file else None,
        files={Path(name): form for name, form in inputs.files.items()},
    )
    with errors_shown(job), progress:
        event = wiring.event(desk.environ, pull_request.LENIENT)
        for name in inputs.fresh:
            # One that was committed would be handed to the platform as ours, were this run to fail.
            with suppress(OSError):
                (event.workspace / name).unlink(missing_ok=True)
        if event.order.task is Task.AUDIT:
            return audit_job.respond(desk, event)
        return pull_request.respond(desk, event)


class JobProgress:
    """Progress as lines of a job's log, which foreign text in it cannot command; a stage's lines fold under it.

    A context manager: on leaving it, nothing that follows is folded.
    """

    def __init__(self, job: Job, clock: Callable[[], float] = time.monotonic) -> None:
        self._job, self._clock = job, clock
        self._start = self._last = clock()
        self._tally = Tally()
        self._fold = ExitStack()
        self._lock = threading.RLock()

    def __enter__(self) -> JobProgress:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._fold.close()

    def stage(self, name: str, detail: str = "") -> None:
        """A new part of the work begins. What is delivered is what the reader came for: it is not folded."""
        with self._lock:
            self._fold.close()
            title = self._timed(f"{one_line(name, 20):<8} {one_line(detail)}")
            if name == "deliver":
                self._job.say(title)
            else:
                self._fold.enter_context(self._job.group(title))

    def note(self, text: str) -> None:
        """Something worth a line."""
        with self._lock:
            self._job.say(self._timed(f"{'':<8} {one_line(text)}"))

    def tick(self, text: str) -> None:
        """A short-lived state: worth a line when nothing has been said for a while."""
        self._quiet(one_line(text))

    def tally(self, tally: Tally) -> None:
        """How far the work is: worth a line when nothing has been said for a while."""
        with self._lock:
            self._tally = after(self._tally, tally)
        self._quiet("")

    def _quiet(self, text: str) -> None:
        with self._lock:
            if self._clock() - self._last >= QUIET_SECONDS:
                counts = ", ".join(pieces(self._tally))
                self.note(f"{text} ({counts})" if text and counts else text or counts)

    def _timed(self, text: str) -> str:
        self._last = self._clock()
        return f"{self._last - self._start:5.0f} s  {text}"


def keys(environ: Mapping[str, str]) -> Iterator[str]:
    """The endpoints' keys that the environment holds."""
    for name, value in environ.items():
        if name == "OPENAI_API_KEY" or re.fullmatch(r"TRYLINE_ENDPOINT_KEY(_\d+)?", name):
            yield value


@contextmanager
def errors_shown(job: Job) -> Iterator[None]:
    """An error that ends the run stands among the job's annotations, not in its log alone."""
    try:
        yield
    except TrylineError as error:
        job.report(Level.FAILURE, f"{error.message} {error.hint}".strip())
        raise


def post(args: argparse.Namespace, environ: Mapping[str, str], stdout: TextIO, config: Config) -> ExitCode:
    """Posts a saved result, or what of it is not there yet. Raises UsageError, ForgeError."""
    if args.source is None:
        raise UsageError(
            "no result is named",
            hint="Name the file that a run has saved: `tryline post --from tryline-result.json`.",
            slug="usage",
        )
    audit = is_audit(args.source)
    target = None if audit else record.load(args.source).target
    platform, repository = addressed(args, target, environ)
    token = wiring.token(platform, environ)
    if not token:
        raise UsageError("there is no token to post with", hint=PERMISSIONS[platform], slug="no-token")
    api, server, usual_api, usual_server = PLATFORMS[platform]
    server_url = (environ.get(server) or usual_server).rstrip("/")
    # GitLab's API lies below its pages; GitHub's is elsewhere.
    below = f"{server_url}/api/v4" if platform == "gitlab" else usual_api
    api_url = environ.get(api) or below
    if audit:
        return audit_job.post(
            args.source,
            config,
            environ,
            stdout,
            platform=platform,
            repository=repository,
            token=token,
            api_url=api_url,
            server_url=server_url,
        )
    number = numbered(args, target, repository)
    result = record.load(args.source)
    host = wiring.host(
        repository,
        token,
        config,
        environ,
        api_url=api_url,
        server_url=server_url,
        run_url="",
        platform=platform,
    )
    pull = host.pull(number)
    delivered = delivery.deliver_saved(host, result, config, pull=pull, from_fork=pull.fork)
    for problem in delivered.problems:
        stdout.write(f"note: {one_line(problem)}\n")
    stdout.write(
        f"{host.dialect.sign}{number}: {delivered.created} posted, {delivered.edited} edited, "
        f"{delivered.deleted} removed, {delivered.kept} kept; {one_line(delivered.summary)}\n"
    )
    return ExitCode.OK


def is_audit(path: Path) -> bool:
    """Whether a file holds an audit. What holds nothing right is for the reader of results to refuse."""
    try:
        record.load_audit(path)
    except UsageError:
        return False
    return True


def addressed(args: argparse.Namespace, target: Target | None, environ: Mapping[str, str]) -> tuple[Platform, str]:
    """The platform and the repository that a result goes to: what the flags and the job say, else what the result
    does. Raises UsageError."""
    named = args.project or args.merge_request or wiring.platform(environ) == "gitlab"
    told = not args.repository and target is not None and target.platform == "gitlab"
    platform: Platform = "gitlab" if named or told else "github"
    repository = args.repository
    if platform == "gitlab":
        repository = args.project or environ.get("TRYLINE_REPOSITORY") or environ.get("CI_PROJECT_PATH")
    repository = repository or (target.repository if target is not None else None)
    if repository is None:
        raise unknown_place()
    return platform, repository


def numbered(args: argparse.Namespace, target: Target | None, repository: str) -> int:
    """The pull request that a result goes to: what the flags say, else what the result does, which is believed
    about one and the same repository only. Raises UsageError."""
    number: int | None = args.merge_request or args.pull
    if number is None and target is not None and target.repository == repository:
        number = target.number
    if number is None:
        raise unknown_place()
    return number


def unknown_place() -> UsageError:
    """Nothing says where a result goes."""
    return UsageError(
        "it is not known which pull request the result is about",
        hint="Name it: `--repository OWNER/NAME --pull NUMBER`, or on GitLab `--project GROUP/NAME "
        "--merge-request NUMBER`. An audit needs no number.",
        slug="usage",
    )


def config_of(environ: Mapping[str, str], flags: Mapping[str, Given], also: Iterable[str]) -> Config:
    """The configuration of a command that has no repository. Raises ConfigError."""
    return load(None, environ=environ, flags=flags, also=also)
