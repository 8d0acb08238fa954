"""The only file that knows every implementation: of languages, proposers, detectors, checks and the backend."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import uv

from bot.checks import Check
from bot.checks.apart import Apart
from bot.checks.as_seen import AsSeen
from bot.checks.control import Control
from bot.checks.not_slower import NotSlower
from bot.checks.outside import Outside
from bot.checks.policy import Policy
from bot.checks.same_tests import SameTests
from bot.checks.second_look import SecondLook
from bot.checks.sentinels import Sentinels
from bot.checks.test_bodies import TestBodies
from bot.checks.tests_pass import TestsPass
from bot.checks.witness_gone import WitnessGone
from bot.config import Config
from bot.detectors import Analyser, Detector
from bot.detectors.analysers import Bandit, Ruff
from bot.detectors.tests import FailingTests
from bot.domain import Review
from bot.endpoints import Endpoint, Model, Proposer
from bot.endpoints.cached import Cached
from bot.endpoints.cassette import Player, Recorder
from bot.endpoints.edits import Edits
from bot.endpoints.fallback import Fallback
from bot.endpoints.metered import Allowance, Ledger, Metered
from bot.endpoints.openai import diagnose
from bot.endpoints.openai.client import OpenAI
from bot.endpoints.relayed import answering as answering_with
from bot.endpoints.relayed import relayed as relayed_model
from bot.errors import EndpointError, ExecutorError
from bot.executors import Ask, Executor
from bot.executors.local import Local as LocalExecutor
from bot.forges import Forge, Format, Host, Job, Upkeep
from bot.forges.github import event as github_event
from bot.forges.github.host import GitHub
from bot.forges.github.outputs import Job as GitHubJob
from bot.forges.github.upkeep import GitHubUpkeep
from bot.forges.gitlab import event as gitlab_event
from bot.forges.gitlab.host import GitLab
from bot.forges.gitlab.outputs import Job as GitLabJob
from bot.forges.gitlab.upkeep import GitLabUpkeep
from bot.forges.local import Local
from bot.forges.local import text as local_text
from bot.languages import Language
from bot.languages.python.language import Python
from bot.plan import Event, Inputs, Platform
from bot.render import Caps
from bot.sandboxes import Backend, Diagnosis
from bot.sandboxes.bubblewrap.backend import Bubblewrap
from bot.sandboxes.docker.backend import Docker
from bot.settings import PullSettings
from bot.signal import Counter


@dataclass(frozen=True)
class Parts:
    """What a review is made with."""

    backend: Backend
    languages: tuple[Language, ...]
    proposers: tuple[Proposer, ...]
    detectors: tuple[Detector, ...]
    checks: tuple[Check, ...]
    analysers: tuple[Analyser, ...] = ()
    model: Model | None = None
    """Where none is configured, the built-in edits are all there is."""


@dataclass(frozen=True)
class Traffic:
    """Files for the conversation with the model: written while it goes on, or played instead of it."""

    record: Path | None = None
    replay: Path | None = None


def assemble(
    config: Config, environ: Mapping[str, str], state: Path | None = None, traffic: Traffic | None = None
) -> Parts:
    """The parts for a configuration. Nothing is connected or started yet.

    `state` is a folder for what is remembered between runs: answers, and what servers can do. Raises UsageError
    for a recording that cannot be read or written.
    """
    uv_binary = Path(uv.find_uv_bin())
    backend: Backend
    if config.sandbox.backend == "bubblewrap":
        backend = Bubblewrap(environ, uv_binary)
    else:
        backend = Docker(environ, uv_binary, runtime=config.sandbox.runtime)
    return Parts(
        model=model(config, environ, state, traffic or Traffic()),
        backend=backend,
        languages=(Python(),),
        proposers=(Edits(seed=config.search.seed),),
        detectors=(FailingTests(),),
        analysers=(Ruff(), Bandit()),
        checks=(
            Policy(),
            Outside(),
            SameTests(),
            TestsPass(),
            WitnessGone(),
            Control(),
            AsSeen(),
            SecondLook(),
            Sentinels(),
            TestBodies(),
            Apart(),
            NotSlower(),
        ),
    )


def model(config: Config, environ: Mapping[str, str], state: Path | None, traffic: Traffic) -> Model | None:
    """The configured endpoints as one: in order, remembered, recorded, within the budget; None without any."""
    seats = config.endpoints(environ)
    keys = tuple(seat.key for seat in seats if seat.key)
    said: list[Cached | Fallback | Metered | Player] = []
    inner: Endpoint
    if traffic.replay is not None:
        inner = player = Player(traffic.replay, keys)
        said.append(player)
    elif seats:
        clients: list[Endpoint] = [client(config, environ, number, state) for number in range(len(seats))]
        if state is not None and config.endpoint.cache:
            remembered = [Cached(one, state / "answers") for one in clients]
            clients, said = [*remembered], [*remembered]
        inner = fallback = Fallback(clients)
        said.append(fallback)
    else:
        return None
    if traffic.record is not None:
        inner = Recorder(inner, traffic.record, keys)
    ledger = Ledger()
    metered = Metered(inner, ledger, Allowance.of(config.budget, config.endpoint))
    said.append(metered)
    return Model(metered, ledger, lambda: tuple(note for one in said for note in one.notes))


def unmetered(config: Config, environ: Mapping[str, str]) -> Endpoint | None:
    """The configured endpoints in order, without memory and budget: what experiments are made with."""
    seats = config.endpoints(environ)
    return Fallback([client(config, environ, number, None) for number in range(len(seats))]) if seats else None


def for_one_cell(endpoint: Endpoint, config: Config) -> Endpoint:
    """The endpoint with the allowance of one function, and books of its own."""
    budget = config.budget
    allowance = Allowance(
        tokens_in=budget.function_tokens_in,
        tokens_out=budget.function_tokens_out,
        requests=budget.function_requests,
    )
    return Metered(endpoint, Ledger(), allowance)


def counter(endpoint: Endpoint) -> Callable[[str], int]:
    """How many tokens a text has for this endpoint."""
    return Counter(endpoint)


def client(config: Config, environ: Mapping[str, str], number: int, state: Path | None) -> OpenAI:
    """The client of one configured endpoint."""
    seat = config.endpoints(environ)[number]
    return OpenAI(
        seat.url,
        seat.model,
        seat.key,
        timeout=config.endpoint.timeout,
        connect_timeout=config.endpoint.connect_timeout,
        retries=config.endpoint.retries,
        concurrency=config.endpoint.concurrency,
        cache_dir=None if state is None else state / "capabilities",
        environ=environ,
    )


def diagnosed(config: Config, environ: Mapping[str, str], state: Path | None) -> tuple[Diagnosis, ...]:
    """What `tryline doctor` says of the endpoints: each is asked what it can do. Raises nothing."""
    rows: list[Diagnosis] = []
    seats = config.endpoints(environ)
    for number, seat in enumerate(seats):
        try:
            can = client(config, environ, number, state).capabilities
            rows += diagnose.rows(seat.url, can, key=seat.key is not None)
        except EndpointError as error:
            rows += diagnose.unreached(seat.url, seat.model or "", error, key=seat.key is not None)
    if not seats:
        held = "; a key is set, but no endpoint.url" if environ.get("OPENAI_API_KEY") else ""
        rows.append(Diagnosis("endpoint", True, f"none: built-in edits only (tier E){held}"))
    return tuple(rows)


ENGINE = (
    "PATH", "HOME", "TMPDIR", "LANG", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "DOCKER_HOST", "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT", "CONTAINER_HOST", "SSL_CERT_FILE", "HTTP_PROXY",
    "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
"""What a task's process needs of our environment: where its engine is, and no secret."""


def executor(workers: int, environ: Mapping[str, str], scheduler: str = "") -> Executor:
    """Where tasks of an audit run; 0 workers: as many as there are processors. Raises ExecutorError."""
    if scheduler:
        if importlib.util.find_spec("distributed") is None:
            raise ExecutorError(
                "a cluster needs Dask distributed, which is not installed",
                hint="pip install 'tryline[cluster]'",
                slug="cluster-missing",
            )
        # It takes a second to load and is an extra: whoever names no scheduler does without.
        made: Executor = importlib.import_module("bot.executors.cluster").Cluster(scheduler)
        return made
    own = {name: environ[name] for name in ENGINE if name in environ}
    return LocalExecutor(workers or len(os.sched_getaffinity(0)), own)


def relayed(ask: Ask) -> Model:
    """The model of a task that runs elsewhere: asked through the process that holds its key, metered there."""
    return relayed_model(ask)


def answering(model: Model | None) -> Ask:
    """What answers tasks that ask for a model. It raises ExecutorError where there is none."""
    if model is None:
        return _nobody
    ledger = model.accounts
    return answering_with(model.endpoint, ledger.within if isinstance(ledger, Ledger) else None)


def _nobody(_question: bytes) -> bytes:
    raise ExecutorError("a task asked for a model, and none is configured", slug="cluster-asked")


def forge(files: Mapping[Path, Format], caps: Caps) -> Forge:
    """Where a local review is delivered."""
    return Local(files, caps)


def text(review: Review, form: Format, caps: Caps) -> str:
    """A review as the text of a file of this form."""
    return local_text(review, form, caps)


def platform(environ: Mapping[str, str]) -> Platform:
    """Whose job this process runs in, where it runs in one: GitLab sets a variable that nobody else does."""
    return "gitlab" if environ.get("GITLAB_CI") == "true" else "github"


def event(environ: Mapping[str, str], policy: PullSettings) -> Event:
    """What the job that this process runs in is asked to do. Raises UsageError outside a job."""
    if platform(environ) == "gitlab":
        return gitlab_event.load(environ, policy)
    return github_event.load(environ, policy)


def inputs(environ: Mapping[str, str]) -> Inputs:
    """What the job is given besides its event."""
    if platform(environ) == "gitlab":
        return gitlab_event.inputs(environ)
    return inputs_of_step(environ)


def inputs_of_step(environ: Mapping[str, str]) -> Inputs:
    """What the step of a workflow gave to the action."""
    return github_event.settings_from_inputs(environ)


def token(platform: Platform, environ: Mapping[str, str]) -> str:
    """The token for a platform that the environment holds; empty where there is none."""
    return gitlab_event.token(environ) if platform == "gitlab" else inputs_of_step(environ).token


VARIABLES = gitlab_event.OWN
"""Variables that are named like settings, are none, and are no mistake in a job of GitLab CI."""


def host(
    repository: str,
    token: str,
    config: Config,
    environ: Mapping[str, str],
    *,
    api_url: str,
    server_url: str,
    run_url: str,
    platform: Platform = "github",
) -> Host:
    """The platform that holds the pull request. Raises UsageError for an address that is none, ForgeError."""
    kind = GitLab if platform == "gitlab" else GitHub
    return kind(
        token=token,
        repository=repository,
        api_url=api_url,
        server_url=server_url,
        account=config.pull.account,
        environ=environ,
        run_url=run_url,
    )


def upkeep(
    repository: str,
    token: str,
    config: Config,
    environ: Mapping[str, str],
    *,
    api_url: str,
    platform: Platform = "github",
) -> Upkeep:
    """What an audit maintains on the platform. Raises as `host` does."""
    kind = GitLabUpkeep if platform == "gitlab" else GitHubUpkeep
    return kind(token=token, repository=repository, api_url=api_url, account=config.pull.account, environ=environ)


def job(environ: Mapping[str, str], stdout: TextIO) -> Job:
    """The job of the build server that this process runs in."""
    if platform(environ) == "gitlab":
        return GitLabJob(environ, stdout)
    return GitHubJob(environ, stdout)
