"""What can be set: every setting with its kind, bounds, default and meaning, section by section."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bot.domain import Severity


def _inside_repository(path: str) -> str:
    """Refuses a path that leaves the repository. Raises ValueError."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not path or "\0" in path:
        raise ValueError("must be a path inside the repository, written with / and without ..")
    return path


def _python_version(version: str) -> str:
    """Refuses what is no version of Python 3 that can be reviewed. Raises ValueError."""
    matched = re.fullmatch(r"3\.(\d{1,2})(\.\d{1,3})?", version)
    if matched is None or int(matched[1]) < 8:
        raise ValueError("must be a version of Python from 3.8 on, like 3.12")
    return version


def _base_url(url: str) -> str:
    """Refuses what is no address of a server, or holds a secret. Raises ValueError."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be the server's base URL, like http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold no user, password, query or fragment; keys come from the environment")
    return url.rstrip("/")


def _further_endpoint(text: str) -> str:
    """Refuses what is not MODEL@URL. Raises ValueError."""
    model, sign, rest = text.rpartition("@http")
    if not sign or not model.strip():
        raise ValueError("must be MODEL@URL, like qwen2.5-coder@http://localhost:8000/v1")
    return f"{model.strip()}@{_base_url(f'http{rest}')}"


RepositoryPath = Annotated[str, AfterValidator(_inside_repository)]
PythonVersion = Annotated[str, AfterValidator(_python_version)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]
Price = Annotated[float, Field(ge=0, le=1_000_000)]
Rung = Literal["plain", "best-of-n", "self-debug", "line-guided", "token-cfg"]


class Section(BaseModel):
    """A group of settings: frozen, and strict about unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TestSettings(Section):
    """How the repository's tests are run."""

    __test__ = False  # pytest must not take it for a test class

    runner: Literal["auto", "pytest", "unittest"] = Field(
        default="auto", description="Test runner; `auto` looks at the repository."
    )
    args: tuple[str, ...] = Field(default=(), description="Further arguments for pytest.")
    paths: tuple[RepositoryPath, ...] = Field(
        default=(), description="Where tests are; empty: what the runner finds."
    )
    env: Mapping[str, str] = Field(default={}, description="Environment of the tests.")
    seconds: Seconds = Field(default=300.0, description="Limit for one run of the suite, in seconds.")


class InstallSettings(Section):
    """What is installed before the tests run; what is not given is detected."""

    requirements: tuple[RepositoryPath, ...] = Field(
        default=(), description="Requirement files to install instead of what is detected."
    )
    extras: tuple[str, ...] | None = Field(default=None, description="Extras of the project; null: detect.")
    groups: tuple[str, ...] | None = Field(default=None, description="Dependency groups; null: detect.")
    packages: tuple[str, ...] = Field(
        default=(), description="Further requirement specifiers, e.g. `pytest-mock>=3`."
    )
    project: bool = Field(default=True, description="Whether the project itself is installed (editable).")
    env: Mapping[str, str] = Field(default={}, description="Environment of the installation.")


class BudgetSettings(Section):
    """What one review may use; known before it is spent."""

    functions: Count = Field(default=10, description="Changed functions that are reviewed; the rest is listed.")
    candidates: Count = Field(default=1200, description="Trials of a rewrite per function.")
    executions: Count = Field(default=6000, description="Runs of a candidate or a suite per review.")
    seconds: Seconds = Field(default=600.0, description="Wall time of the whole review, in seconds.")
    function_seconds: Seconds = Field(
        default=60.0, description="Wall time of the search in one function, in seconds."
    )
    tokens_in: Tokens = Field(default=1_200_000, description="Tokens sent to endpoints per review.")
    tokens_out: Tokens = Field(default=80_000, description="Tokens that endpoints generate per review.")
    function_tokens_in: Tokens = Field(default=240_000, description="Tokens sent to endpoints per function.")
    function_tokens_out: Tokens = Field(default=16_000, description="Tokens generated per function.")
    requests: Tokens = Field(default=1_000, description="Requests to endpoints per review.")
    function_requests: Tokens = Field(default=250, description="Requests to endpoints per function.")
    money: Annotated[float, Field(ge=0, le=1_000_000)] | None = Field(
        default=None,
        description="Most that a review may cost, in the currency of endpoint.price_in; null: no limit.",
    )
    endpoint_seconds: Seconds = Field(
        default=300.0, description="Waiting for endpoints per review, summed over requests, in seconds."
    )


class EndpointSettings(Section):
    """An OpenAI-compatible server. Its key comes from the environment alone."""

    url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        default=None,
        description="Base URL, like http://localhost:8000/v1; null: no endpoint (also: OPENAI_BASE_URL).",
    )
    model: str | None = Field(
        default=None, description="Model; null: the only one that the server lists (also: OPENAI_MODEL)."
    )
    fallbacks: tuple[Annotated[str, AfterValidator(_further_endpoint)], ...] = Field(
        default=(),
        description="Further endpoints, each `MODEL@URL`, asked in order when those before are dead. The key of "
        "the first comes from TRYLINE_ENDPOINT_KEY_2, of the second from TRYLINE_ENDPOINT_KEY_3 ...",
    )
    timeout: Seconds = Field(default=120.0, description="Limit for one answer, in seconds.")
    connect_timeout: Seconds = Field(default=10.0, description="Limit for a connection, in seconds.")
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        default=4, description="Further attempts at a request that failed for a passing reason."
    )
    concurrency: Annotated[int, Field(ge=1, le=256)] = Field(default=4, description="Requests at the same time.")
    price_in: Price = Field(default=0.0, description="Price of a million tokens sent.")
    price_out: Price = Field(default=0.0, description="Price of a million tokens generated.")
    cache: bool = Field(default=True, description="Whether answers are kept on disk for identical requests.")


class GuidanceSettings(Section):
    """How a model is led by what its candidates did."""

    rungs: tuple[Rung, ...] = Field(
        default=("plain", "best-of-n", "self-debug", "line-guided"),
        description="Rungs of the ladder, climbed in the order plain, best-of-n, self-debug, line-guided, "
        "token-cfg until one convinces. `token-cfg` must be asked for by name.",
    )
    best_of: Annotated[int, Field(ge=2, le=64)] = Field(default=4, description="Rewrites that best-of-n asks for.")
    debug_rounds: Annotated[int, Field(ge=1, le=10)] = Field(default=2, description="Rounds of self-debug.")
    samples: Annotated[int, Field(ge=1, le=32)] = Field(
        default=4, description="Continuations that are sampled for a line."
    )
    horizon: Annotated[int, Field(ge=0, le=16)] = Field(
        default=2, description="Lines that a continuation looks ahead."
    )
    temperature: Annotated[float, Field(ge=0, le=2)] = Field(
        default=0.7, description="Temperature of sampling; the plain rewrite is greedy."
    )
    gamma: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1.5,
        description="Strength of classifier-free guidance: 0 ignores the traces, 1 is the prompt that holds them, "
        "more extrapolates.",
    )
    clip: Annotated[float, Field(gt=0, le=100)] = Field(
        default=4.0,
        description="Most that the traces may change a token's log-probability beyond gamma 1, in nats.",
    )
    reward: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1.0, description="Weight of what a line did when it ran, beside its probability."
    )
    signal_tokens: Annotated[int, Field(ge=50, le=100_000)] = Field(
        default=1500, description="Most tokens of execution traces in a prompt."
    )
    review: bool = Field(
        default=True, description="Whether the model may name problems, each with a witness that is run."
    )
    review_suspicions: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="Problems that the model may name for one function."
    )


class CommentSettings(Section):
    """What the review shows."""

    max_inline: Annotated[int, Field(ge=0, le=50)] = Field(
        default=5, description="Findings shown in full; the rest is folded into a list."
    )
    suspected: bool = Field(
        default=False,
        description="Whether what analysers suspect, and nothing has shown by running, is listed, folded.",
    )


class PullSettings(Section):
    """Which pull requests are reviewed, and what is written beside comments."""

    drafts: bool = Field(default=False, description="Whether drafts are reviewed before they are ready.")
    bots: bool = Field(default=True, description="Whether pull requests that a machine opened are reviewed.")
    allow_target: bool = Field(
        default=False,
        description="Whether to run on `pull_request_target`, which hands secrets and a token that may write to a "
        "job about a stranger's code (see docs/github.md before you do).",
    )
    check: bool = Field(
        default=False,
        description="Whether a check run with annotations is written; the token needs `checks: write`.",
    )
    sarif: bool = Field(
        default=False,
        description="Whether findings go to code scanning; the token needs `security-events: write`.",
    )
    neutral: Literal["fail", "pass"] = Field(
        default="fail",
        description="What a job comes to that could not review: `fail` (exit 3, never green) or `pass` (the "
        "summary still says that it is no pass).",
    )
    account: str | None = Field(
        default=None,
        description="Login of the account that the token belongs to, where it is neither a user's nor the "
        "workflow's own: `my-app[bot]`; null: find out.",
    )


class SearchSettings(Section):
    """The execution-guided search."""

    width: Annotated[int, Field(ge=2, le=64)] = Field(
        default=12, description="Proposals per line, `keep` included."
    )
    beam: Annotated[int, Field(ge=1, le=32)] = Field(default=4, description="Runners-up that are kept.")
    depth: Annotated[int, Field(ge=1, le=4)] = Field(default=2, description="Edits that one rewrite may combine.")
    seed: Annotated[int, Field(ge=0, le=2**31)] = Field(default=0, description="Seed of everything random.")
    plausible: Annotated[int, Field(ge=1, le=64)] = Field(
        default=24, description="Passing candidates to find before the best is chosen."
    )


class ProveSettings(Section):
    """What is looked for besides failing tests, and how far."""

    behaviour: bool = Field(
        default=True, description="Whether changed functions are compared with base on recorded and made inputs."
    )
    security: bool = Field(default=True, description="Whether payloads are sent through changed functions.")
    performance: bool = Field(default=True, description="Whether changed functions are timed, and sped up.")
    analysers: bool = Field(
        default=True, description="Whether analysers (ruff, bandit) name what running then tries to show."
    )
    inputs: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=200, description="Inputs made for a function, besides the recorded ones."
    )
    seconds: Seconds = Field(default=20.0, description="For one kind of proof in one function, in seconds.")
    least_gain: Annotated[float, Field(ge=0.02, le=0.9)] = Field(
        default=0.10, description="Smallest change of time that is told, as a share: the interval must exclude it."
    )
    mutants: Annotated[int, Field(ge=0, le=200)] = Field(
        default=12, description="Altered versions of a rewrite's lines that the tests should notice; 0: not asked."
    )
    symbolic: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=0.0,
        description="CPU seconds for comparing a rewrite with what it replaces symbolically, by CrossHair, which "
        "adds about 100 MB to the image; 0: not compared.",
    )


class VerifySettings(Section):
    """The cold proof of a rewrite."""

    seconds: Seconds = Field(default=300.0, description="Limit for one cold run, in seconds.")
    sample: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=50,
        description="Tests that do not execute the function and are run besides when the suite is too slow.",
    )


class SandboxSettings(Section):
    """What a container and each execution in it may use."""

    backend: Literal["docker", "bubblewrap"] = Field(
        default="docker",
        description="What runs repository code: `docker` (any engine that speaks its API), or `bubblewrap`, which "
        "needs no engine and isolates less. It is never chosen unasked.",
    )
    runtime: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="The engine's runtime that starts containers, e.g. `runsc`; null: the strongest that is "
        "registered and works.",
    )
    memory_mb: Annotated[int, Field(ge=64, le=1_048_576)] = Field(default=2048, description="Memory, in MiB.")
    cpus: Annotated[float, Field(gt=0, le=1024)] = Field(default=2.0, description="Processors.")
    processes: Annotated[int, Field(ge=16, le=65_536)] = Field(default=256, description="Processes and threads.")
    workspace_mb: Annotated[int, Field(ge=16, le=1_048_576)] = Field(
        default=512, description="In-memory work area that holds the repository's files, in MiB."
    )
    tmp_mb: Annotated[int, Field(ge=1, le=1_048_576)] = Field(default=128, description="Size of /tmp, in MiB.")
    file_mb: Annotated[int, Field(ge=1, le=1_048_576)] = Field(
        default=64, description="Largest file that repository code may write, in MiB."
    )
    output_kb: Annotated[int, Field(ge=1, le=65_536)] = Field(
        default=256, description="What is kept of one execution's output, in KiB."
    )


class AuditSettings(Section):
    """What one audit of the whole repository may use, and what it delivers."""

    functions: Count = Field(
        default=5000, description="Functions that one audit runs; the others are listed, and come first next time."
    )
    seconds: Seconds = Field(default=3600.0, description="Wall time of one audit, in seconds.")
    executions: Count = Field(default=100_000, description="Runs of a candidate or a suite per audit.")
    task_seconds: Seconds = Field(
        default=300.0, description="Wall time of one task, which is some functions of one file, in seconds."
    )
    workers: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="Tasks at a time on this machine; 0: as many as it has processors."
    )
    commits: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=1000, description="Commits of late that are looked at for what changes often."
    )
    issue: bool = Field(default=True, description="Whether a scheduled audit keeps one issue up to date.")
    draft_pulls: Annotated[int, Field(ge=0, le=20)] = Field(
        default=0, description="Draft pull requests of proven rewrites that may be open at a time; 0: none."
    )


class Settings(Section):
    """Everything that can be set, as `.tryline.yml` writes it."""

    python: PythonVersion | None = Field(
        default=None, description="Version of Python, e.g. 3.12; null: the best there is."
    )
    image: Annotated[str, Field(min_length=1)] | None = Field(default=None, description="Base image.")
    dockerfile: RepositoryPath | None = Field(
        default=None, description="A Dockerfile in the repository that makes the base image."
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Patterns of paths that are not reviewed (gitignore style)."
    )
    max_file_kb: Annotated[int, Field(ge=1, le=65_536)] = Field(
        default=512, description="Larger files are not reviewed, in KiB."
    )
    fail_on: Severity | None = Field(
        default=None, description="Exit with 1 when a finding is at least this severe; null: never."
    )
    repeats: Annotated[int, Field(ge=2, le=20)] = Field(
        default=2, description="How often decisive tests are run on each side."
    )
    test: TestSettings = TestSettings()
    install: InstallSettings = InstallSettings()
    budget: BudgetSettings = BudgetSettings()
    comments: CommentSettings = CommentSettings()
    pull: PullSettings = PullSettings()
    search: SearchSettings = SearchSettings()
    endpoint: EndpointSettings = EndpointSettings()
    guidance: GuidanceSettings = GuidanceSettings()
    prove: ProveSettings = ProveSettings()
    verify: VerifySettings = VerifySettings()
    sandbox: SandboxSettings = SandboxSettings()
    audit: AuditSettings = AuditSettings()

    @model_validator(mode="after")
    def _one_base(self) -> Settings:
        if self.image and self.dockerfile:
            raise ValueError("`image` and `dockerfile` both name a base image; keep one")
        return self

    @model_validator(mode="after")
    def _what_an_engine_has(self) -> Settings:
        if self.sandbox.backend == "bubblewrap":
            for name, value in (
                ("image", self.image),
                ("dockerfile", self.dockerfile),
                ("sandbox.runtime", self.sandbox.runtime),
            ):
                if value is not None:
                    raise ValueError(f"`{name}` needs an engine, and `sandbox.backend` is bubblewrap; keep one")
        return self
