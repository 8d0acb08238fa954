"""The one frozen configuration: defaults, .tryline.yml, environment and flags, each value with its origin."""

from __future__ import annotations

import dataclasses
import difflib
import re
import shlex
import types
import typing
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Protocol

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.domain import Limits, Severity
from bot.errors import ConfigError
from bot.languages import InstallWishes, SuiteWishes


class Mark(Protocol):
    """A place in the file, counted from 0, as YAML's parsers give it."""

    line: int
    column: int


FILE_NAME = ".tryline.yml"
"""Where a repository keeps its settings. Read at the base commit: the head is the stranger's."""

STANDARD = {"OPENAI_BASE_URL": "endpoint.url", "OPENAI_MODEL": "endpoint.model"}
"""What other tools call these settings in the environment; our own variable wins over them."""

KEYS = re.compile(r"TRYLINE_ENDPOINT_KEY(_[2-9])?")
"""Variables that hold keys: read where an endpoint is made, never a setting, never shown."""

PREFIX = "TRYLINE_"
"""Every setting has a twin in the environment: `budget.seconds` is `TRYLINE_BUDGET_SECONDS`."""

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
_SHOWN = 5
"""How many mistakes one error names."""


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


class VerifySettings(Section):
    """The cold proof of a rewrite."""

    seconds: Seconds = Field(default=300.0, description="Limit for one cold run, in seconds.")
    sample: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=50,
        description="Tests that do not execute the function and are run besides when the suite is too slow.",
    )


class SandboxSettings(Section):
    """What a container and each execution in it may use."""

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
    search: SearchSettings = SearchSettings()
    endpoint: EndpointSettings = EndpointSettings()
    guidance: GuidanceSettings = GuidanceSettings()
    verify: VerifySettings = VerifySettings()
    sandbox: SandboxSettings = SandboxSettings()

    @model_validator(mode="after")
    def _one_base(self) -> Settings:
        if self.image and self.dockerfile:
            raise ValueError("`image` and `dockerfile` both name a base image; keep one")
        return self


class Config(Settings):
    """The configuration of one run. Frozen; passed, never global."""

    origins: Mapping[str, str] = Field(default={}, repr=False)
    """Dotted name -> where its value came from, for those that are not defaults."""

    def wishes(self) -> InstallWishes:
        """What it says about installation."""
        return InstallWishes(
            python=self.python,
            image=self.image,
            dockerfile=self.dockerfile,
            requirements=self.install.requirements,
            extras=self.install.extras,
            groups=self.install.groups,
            packages=self.install.packages,
            project=self.install.project,
            env=self.install.env,
        )

    def suite_wishes(self) -> SuiteWishes:
        """What is said about running tests, as languages take it."""
        return SuiteWishes(self.test.runner, self.test.args, self.test.paths, dict(self.test.env))

    def endpoints(self, environ: Mapping[str, str]) -> tuple[Seat, ...]:
        """The configured endpoints in order, with the keys that the environment holds for them; () for none."""
        if self.endpoint.url is None:
            return ()
        first = environ.get("TRYLINE_ENDPOINT_KEY") or environ.get("OPENAI_API_KEY") or None
        seats = [Seat(self.endpoint.url, self.endpoint.model, first)]
        for number, text in enumerate(self.endpoint.fallbacks, 2):
            model, _, rest = text.rpartition("@http")
            seats.append(Seat(f"http{rest}", model, environ.get(f"TRYLINE_ENDPOINT_KEY_{number}") or None))
        return tuple(seats)

    def limits(self) -> Limits:
        """What a container may use."""
        return Limits(**self.sandbox.model_dump())


@dataclass(frozen=True)
class Seat:
    """Where one endpoint is, and the key to it."""

    url: str
    model: str | None
    key: str | None = dataclasses.field(default=None, repr=False)


@dataclass(frozen=True)
class Given:
    """A value from the environment or a flag, with its origin in words."""

    value: Any
    origin: str


@dataclass(frozen=True)
class Effective:
    """One line of `tryline config`."""

    name: str
    """Dotted: `budget.seconds`."""
    value: Any
    origin: str
    """`default`, `.tryline.yml line N at BASE`, `environment NAME` or the flag."""


@dataclass(frozen=True)
class Described:
    """One setting as documentation shows it."""

    name: str
    environment: str
    kind: str
    default: Any
    description: str


def load(
    text: str | bytes | None = None,
    *,
    at: str = "base",
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Given] | None = None,
    also: Iterable[str] = (),
) -> Config:
    """The configuration made of defaults, the file's text, `TRYLINE_*` variables and flags, later ones winning.

    `at` names the revision that the file was read at, for the origins. `flags` maps dotted names to values.
    `also` are `TRYLINE_*` variables that mean something elsewhere. Raises ConfigError, which names the place,
    the mistake and the remedy.
    """
    given: dict[str, Given] = {}
    marks: dict[str, Mark] = {}
    if text is not None:
        data, marks = _read_yaml(text)
        _check(data, lambda name: _place(name, marks))
        for name, value in _leaves(data):
            mark = marks.get(name)
            line = f" line {mark.line + 1}" if mark else ""
            given[name] = Given(value, f"{FILE_NAME}{line} at {at}")
    given |= _from_environment(environ or {}, frozenset(also))
    given |= dict(flags or {})
    tree: dict[str, Any] = {}
    for name, item in given.items():
        section, _, key = name.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[key] = item.value
    settings = _check(tree, lambda name: given[name].origin if name in given else "the configuration")
    _check_together(settings)
    origins = {name: item.origin for name, item in given.items()}
    return Config(**settings.model_dump(), origins=origins)


def _check_together(settings: Settings) -> None:
    """What settings of different layers must be together. Raises ConfigError."""
    endpoint = settings.endpoint
    if endpoint.fallbacks and not endpoint.url:
        raise ConfigError(
            "`endpoint.fallbacks` needs an `endpoint.url` to fall back from",
            hint="Set `endpoint.url` (or OPENAI_BASE_URL) to the endpoint that is asked first.",
            slug="config-value",
        )
    if settings.budget.money is not None and not (endpoint.price_in or endpoint.price_out):
        raise ConfigError(
            "`budget.money` needs `endpoint.price_in` and `endpoint.price_out` to count with",
            hint="Write down what a million tokens cost.",
            slug="config-value",
        )


def explain(config: Config) -> tuple[Effective, ...]:
    """Every effective value and where it came from, in the order of the documentation."""
    rows = []
    for name, _ in _fields():
        value: Any = config
        for part in name.split("."):
            value = getattr(value, part)
        rows.append(Effective(name, value, config.origins.get(name, "default")))
    return tuple(rows)


def describe() -> tuple[Described, ...]:
    """Every setting with its variable, kind, default and meaning, for the documentation."""
    return tuple(
        Described(name, environment_name(name), _kind(field), field.get_default(), field.description or "")
        for name, field in _fields()
    )


def environment_name(name: str) -> str:
    """The variable that sets `name`: `budget.seconds` -> `TRYLINE_BUDGET_SECONDS`."""
    return PREFIX + name.replace(".", "_").upper()


# ------------------------------------------------------------------------------------------ the schema's shape


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    """Dotted name and field of every single setting."""
    for key, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            yield from ((f"{key}.{inner}", info) for inner, info in section.model_fields.items())
        else:
            yield key, field


def _keys(section: str) -> list[str]:
    """The keys that a section knows; the empty name is the top level."""
    if not section:
        return list(Settings.model_fields)
    return [name.removeprefix(section + ".") for name, _ in _fields() if name.startswith(section + ".")]


def _kind(field: FieldInfo) -> str:
    """What may be written there, in words."""
    annotation = field.annotation
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    parts = typing.get_args(annotation) if union else (annotation,)
    for bare in parts:
        base = typing.get_args(bare)[0] if typing.get_origin(bare) is Annotated else bare
        origin = typing.get_origin(base)
        if base is Severity:
            return "one of " + ", ".join(Severity)
        if origin is Literal:
            return "one of " + ", ".join(typing.get_args(base))
        if origin is tuple:
            return "list of text"
        if origin is not None:
            return "mapping of text"
        if base in _KINDS:
            return _KINDS[base]
    return "text"


_KINDS: Mapping[Any, str] = {bool: "true or false", int: "whole number", float: "number", str: "text"}


# --------------------------------------------------------------------------------------------------- the file


def _read_yaml(text: str | bytes) -> tuple[dict[str, Any], dict[str, Mark]]:
    """The file as nested data whose scalars are still text, and where each dotted name stands.

    Scalars stay text because YAML would make `python: 3.10` the number 3.1; the schema knows the wanted types.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError(
            f"{FILE_NAME} is larger than {MAX_BYTES // 1024} KiB",
            hint="It holds settings only; a few dozen lines are plenty.",
            slug="config-too-large",
        )
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        _refuse_bombs(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{FILE_NAME} is not UTF-8 text (byte {error.start})",
            hint="Save the file as UTF-8.",
            slug="config-encoding",
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax(error.problem_mark or error.context_mark, error.problem or "not valid YAML") from None
    except yaml.YAMLError as error:
        raise _syntax(None, getattr(error, "reason", None) or "not valid YAML") from None
    marks: dict[str, Mark] = {}
    if node is None or node.tag.endswith(":null"):
        return {}, marks
    if not isinstance(node, yaml.MappingNode):
        raise _wrong(
            node.start_mark, "the file must be a mapping: `key: value` lines", "Start with `test:` or `budget:`."
        )
    return _mapping(node, "", marks), marks


def _refuse_bombs(text: str) -> None:
    """Refuses aliases and deep nesting, which can make a small file endless. Raises ConfigError, YAMLError."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _wrong(event.start_mark, "aliases (`*name`) are not supported", "Write the value out.")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _wrong(
                    event.start_mark, f"nested more than {MAX_DEPTH} levels deep", "No setting is that deep."
                )
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1


def _mapping(node: yaml.MappingNode, prefix: str, marks: dict[str, Mark]) -> dict[str, Any]:
    """A mapping node as a dict; refuses keys that are not text and keys given twice."""
    data: dict[str, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
            raise _wrong(key_node.start_mark, "a key must be plain text", "Write `key: value`.")
        key = key_node.value
        name = f"{prefix}{key}"
        if key in data:
            first = marks[name].line + 1
            raise _wrong(
                key_node.start_mark,
                f"`{_shown(name)}` is given twice, first in line {first}",
                "Keep one of the two.",
            )
        marks[name] = key_node.start_mark
        data[key] = _value(value_node, name, marks)
    return data


def _value(node: yaml.Node, name: str, marks: dict[str, Mark]) -> Any:
    """A node as text, None, list or dict."""
    if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.removeprefix("tag:yaml.org,2002:") not in _TAGS:
        raise _wrong(node.start_mark, f"the tag `{_shown(node.tag)}` is not supported", "Write a plain value.")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, f"{name}.", marks)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for index, item in enumerate(node.value):
            marks[f"{name}.{index}"] = item.start_mark
            items.append(_value(item, f"{name}.{index}", marks))
        return items
    return None if node.tag.endswith(":null") else node.value


_TAGS = frozenset({"str", "int", "float", "bool", "null", "timestamp", "map", "seq"})


def _syntax(mark: Mark | None, problem: str) -> ConfigError:
    """What YAML itself complains of."""
    return ConfigError(
        f"{_at(mark)}: not valid YAML: {_shown(problem, 200)}",
        hint="Check indentation (spaces, not tabs), colons and quotes in this line and the one before.",
        slug="config-syntax",
    )


def _wrong(mark: Mark | None, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{_at(mark)}: {what}", hint=remedy, slug="config-value")


def _at(mark: Mark | None) -> str:
    return FILE_NAME if mark is None else f"{FILE_NAME}:{mark.line + 1}:{mark.column + 1}"


def _place(name: str, marks: Mapping[str, Mark]) -> str:
    """`FILE:LINE:COLUMN` of a dotted name, or of the nearest thing around it."""
    while name and name not in marks:
        name = name.rpartition(".")[0]
    return _at(marks.get(name))


def _leaves(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Dotted name and value of every single setting in checked data; an empty section has none."""
    for key, value in data.items():
        if isinstance(value, dict) and key in _SECTIONS:
            yield from ((f"{key}.{inner}", item) for inner, item in value.items())
        else:
            yield key, value


_SECTIONS = frozenset(name.partition(".")[0] for name, _ in _fields() if "." in name)


# --------------------------------------------------------------------------------------- environment and flags


def _from_environment(environ: Mapping[str, str], also: frozenset[str]) -> dict[str, Given]:
    """What `TRYLINE_*` variables set; an empty variable is one that is not set."""
    known = {environment_name(name): (name, field) for name, field in _fields()}
    given = {
        name: Given(environ[variable], f"environment {variable}")
        for variable, name in STANDARD.items()
        if environ.get(variable)
    }
    for variable in sorted(environ):
        text = environ[variable]
        if not variable.startswith(PREFIX) or variable in also or KEYS.fullmatch(variable) or not text:
            continue
        if variable not in known:
            raise ConfigError(
                f"the environment variable {_shown(variable)} sets nothing that Tryline knows"
                + _nearest(variable, [*known, *also]),
                hint="Unset it or correct its name; docs/configuration.md lists them all.",
                slug="config-environment",
            )
        name, field = known[variable]
        given[name] = Given(parse(name, text, field=field), f"environment {variable}")
    return given


def parse(name: str, text: str, *, field: FieldInfo | None = None) -> Any:
    """A value written on one line, as environment and flags write it.

    Lists are separated by commas (`test.args` as a shell would), mappings are `KEY=VALUE KEY=VALUE`, `null` is
    nothing. Raises ConfigError for an unknown name or unbalanced quotes.
    """
    field = field or dict(_fields()).get(name)
    if field is None:
        raise ConfigError(
            f"`{_shown(name)}` is not a setting{_nearest(name, [known for known, _ in _fields()])}",
            hint="docs/configuration.md lists all settings.",
            slug="config-unknown",
        )
    kind = _kind(field)
    if text.strip() in ("null", "none", "~"):
        return None
    try:
        if name == "test.args":
            return shlex.split(text)
        if kind == "list of text":
            return [item.strip() for item in text.split(",") if item.strip()]
        if kind == "mapping of text":
            pairs = [item.partition("=") for item in shlex.split(text)]
            return {key: value for key, _, value in pairs}
    except ValueError as error:
        raise ConfigError(
            f"`{name}`: {error} in `{_shown(text)}`", hint="Balance the quotes.", slug="config-value"
        ) from None
    return text


# ----------------------------------------------------------------------------------------------- what is wrong


def _check(data: Mapping[str, Any], place: typing.Callable[[str], str]) -> Settings:
    """The settings that `data` spells. Raises ConfigError with one line per mistake."""
    # A section without content (`test:` and nothing below) is a section of defaults, as people expect.
    cleaned = {key: {} if value is None and key in _SECTIONS else value for key, value in data.items()}
    try:
        return Settings.model_validate(cleaned)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
    lines = [_mistake(mistake, place) for mistake in mistakes[:_SHOWN]]
    if len(mistakes) > _SHOWN:
        lines.append(f"and {len(mistakes) - _SHOWN} more")
    first = mistakes[0]
    slug = "config-unknown" if first["type"] == "extra_forbidden" else "config-value"
    raise ConfigError("\n".join(lines), hint=_remedy(first), slug=slug)


def _mistake(mistake: ErrorDetails, place: typing.Callable[[str], str]) -> str:
    """One mistake: where, what, and what it should be."""
    name = ".".join(str(part) for part in mistake["loc"])
    where = place(name)
    context = mistake.get("ctx", {})
    if not name:
        return f"{where}: {context.get('error', mistake['msg'])}"
    if mistake["type"] == "extra_forbidden":
        *sections, key = (str(part) for part in mistake["loc"])
        section = ".".join(sections)
        prefix = f"{section}." if section else ""
        if "." in key and not section:
            nested = _shown(key.replace(".", ": {", 1))
            return f"{where}: `{_shown(name)}` must be written as a section: `{nested}: …}}`"
        return f"{where}: `{_shown(name)}` is not a setting{_nearest(key, _keys(section), prefix)}"
    wanted = _WANTED.get(mistake["type"])
    if wanted is not None:
        return f"{where}: `{_shown(name)}` must be {wanted.format(**context)}, not `{_shown(mistake['input'])}`"
    if mistake["type"] == "value_error":
        return f"{where}: `{_shown(name)}` {context.get('error')}, not `{_shown(mistake['input'])}`"
    return f"{where}: `{_shown(name)}`: {mistake['msg']}"


_WANTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "some text",
    "tuple_type": "a list, like [a, b]",
    "mapping_type": "a mapping of `key: value` lines",
    "dict_type": "a mapping of `key: value` lines",
    "model_type": "a section of `key: value` lines",
    "model_attributes_type": "a section of `key: value` lines",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
}


def _remedy(mistake: ErrorDetails) -> str:
    """What to do about the first mistake."""
    if mistake["type"] == "extra_forbidden":
        section = ".".join(str(part) for part in mistake["loc"][:-1])
        if section == "endpoint" and "key" in str(mistake["loc"][-1]).lower():
            return "Keys are read from the environment alone: OPENAI_API_KEY or TRYLINE_ENDPOINT_KEY."
        where = f"in `{section}`" if section else "at the top level"
        return f"Settings {where}: {', '.join(_keys(section))}."
    return "docs/configuration.md shows every setting with its kind and default."


def _nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """`; did you mean ...?` when something is near."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{prefix}{near[0]}`?"
    # The key may be right and only stand in the wrong section.
    elsewhere = [name for name, _ in _fields() if name.rpartition(".")[2] == word and name not in known]
    return f"; did you mean `{elsewhere[0]}`?" if elsewhere else ""


def _shown(value: Any, limit: int = 60) -> str:
    """A foreign value that is safe and short enough for a message."""
    text = value if isinstance(value, str) else "nothing" if value is None else str(value)
    text = "".join(c if c.isprintable() else "�" for c in text).replace("`", "'")
    text = re.sub(r"//[^/@\s]*@", "//…@", text)  # a password in an address
    return text if len(text) <= limit else text[: limit - 1] + "…"
