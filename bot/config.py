"""The one frozen configuration: defaults, .tryline.yml, environment and flags, each value with its origin."""

from __future__ import annotations

import dataclasses
import difflib
import re
import shlex
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import yaml
from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.domain import Limits, Severity
from bot.errors import ConfigError
from bot.languages import InstallWishes, SuiteWishes
from bot.settings import Section, Settings


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
            symbolic=self.prove.symbolic > 0,
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
        return Limits(**self.sandbox.model_dump(include={field.name for field in dataclasses.fields(Limits)}))


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
