"""The configuration: what may be written, where a value comes from, and what a mistake is answered with."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import Given, describe, environment_name, explain, load, parse
from bot.domain import Limits, Severity
from bot.errors import ConfigError, ExitCode


def refused(text: str | bytes) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.hint
    return caught.value


def test_without_anything_all_values_are_defaults() -> None:
    config = load()
    assert config.budget.seconds == 600
    assert config.fail_on is None
    assert {row.origin for row in explain(config)} == {"default"}
    assert config.limits() == Limits()


def test_later_layers_win_and_each_value_knows_its_origin() -> None:
    text = "test:\n  seconds: 10\n  runner: unittest\nbudget: {seconds: 20, candidates: 30}\nrepeats: 3\n"
    environ = {"TRYLINE_BUDGET_SECONDS": "40", "TRYLINE_BUDGET_CANDIDATES": "50", "PATH": "/bin"}
    flags = {"budget.candidates": Given("60", "--budget candidates=60")}
    config = load(text, at="main", environ=environ, flags=flags)
    rows = {row.name: (row.value, row.origin) for row in explain(config)}
    assert rows["test.seconds"] == (10, ".tryline.yml line 2 at main")
    assert rows["test.runner"] == ("unittest", ".tryline.yml line 3 at main")
    assert rows["budget.seconds"] == (40, "environment TRYLINE_BUDGET_SECONDS")
    assert rows["budget.candidates"] == (60, "--budget candidates=60")
    assert rows["repeats"] == (3, ".tryline.yml line 5 at main")
    assert rows["budget.executions"] == (6000, "default")


def test_wishes_hold_what_is_said_of_the_installation() -> None:
    config = load(
        "python: 3.10\nimage: debian:12\ninstall:\n  extras: [test]\n  groups: []\n  project: no\n  env: {A: 1}"
    )
    wishes = config.wishes()
    assert (wishes.python, wishes.image) == ("3.10", "debian:12"), "3.10 is no number here"
    assert (wishes.extras, wishes.groups, wishes.project) == (("test",), (), False)
    assert wishes.env == {"A": "1"}


def test_limits_hold_what_is_said_of_the_sandbox() -> None:
    assert load("sandbox: {memory_mb: 3072, cpus: 0.5}").limits() == Limits(memory_mb=3072, cpus=0.5)


def test_the_configuration_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load().budget, "seconds", 1)  # noqa: B010


def test_empty_files_and_sections_are_defaults() -> None:
    for text in ("", "# nothing\n", "---\n", "test:\nbudget:\n"):
        assert load(text).test == load().test


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("test:\n  secnds: 3", ".tryline.yml:2:3: `test.secnds` is not a setting; did you mean `test.seconds`?"),
        ("seconds: 3", ".tryline.yml:1:1: `seconds` is not a setting; did you mean `test.seconds`?"),
        ("test.seconds: 3", ".tryline.yml:1:1: `test.seconds` must be written as a section: `test: {seconds: …}`"),
        ("zzz: 1", ".tryline.yml:1:1: `zzz` is not a setting"),
        ("origins: {}", ".tryline.yml:1:1: `origins` is not a setting"),
        ("budget: {seconds: fast}", ".tryline.yml:1:10: `budget.seconds` must be a number, not `fast`"),
        ("budget: {functions: 1.5}", ".tryline.yml:1:10: `budget.functions` must be a whole number, not `1.5`"),
        ("budget: {seconds: .inf}", ".tryline.yml:1:10: `budget.seconds` must be a number, not `.inf`"),
        ("budget: {seconds: inf}", ".tryline.yml:1:10: `budget.seconds` must be a finite number, not `inf`"),
        ("repeats: 1", ".tryline.yml:1:1: `repeats` must be at least 2, not `1`"),
        ("repeats:", ".tryline.yml:1:1: `repeats` must be a whole number, not `nothing`"),
        ("test: 3", ".tryline.yml:1:1: `test` must be a section of `key: value` lines, not `3`"),
        ("test: {args: -x}", ".tryline.yml:1:8: `test.args` must be a list, like [a, b], not `-x`"),
        ("test: {args: [-x, [y]]}", ".tryline.yml:1:19: `test.args.1` must be text, not `['y']`"),
        ("install: {project: maybe}", ".tryline.yml:1:11: `install.project` must be true or false, not `maybe`"),
        (
            "python: '2.7'",
            ".tryline.yml:1:1: `python` must be a version of Python from 3.8 on, like 3.12, not `2.7`",
        ),
        (
            "dockerfile: ../Dockerfile",
            ".tryline.yml:1:1: `dockerfile` must be a path inside the repository, written with / and without .., "
            "not `../Dockerfile`",
        ),
        (
            "fail_on: huge",
            ".tryline.yml:1:1: `fail_on` must be one of 'low', 'medium', 'high' or 'critical', not `huge`",
        ),
        ("image: a\ndockerfile: b", ".tryline.yml: `image` and `dockerfile` both name a base image; keep one"),
        (
            "image: a\nsandbox:\n  backend: bubblewrap",
            ".tryline.yml: `image` needs an engine, and `sandbox.backend` is bubblewrap; keep one",
        ),
        (
            "sandbox: {backend: bubblewrap, runtime: runsc}",
            ".tryline.yml: `sandbox.runtime` needs an engine, and `sandbox.backend` is bubblewrap; keep one",
        ),
        ("test:\n  env: {}\n  env: {}", ".tryline.yml:3:3: `test.env` is given twice, first in line 2"),
        ("- a", ".tryline.yml:1:1: the file must be a mapping: `key: value` lines"),
        ("? [a]\n: b", ".tryline.yml:1:3: a key must be plain text"),
        (
            "python: !!python/object:os.system x",
            ".tryline.yml:1:9: the tag `tag:yaml.org,2002:python/object:os.system`",
        ),
        ("test: [1", ".tryline.yml:1:9: not valid YAML"),
        ("\ttest: 1", ".tryline.yml:1:1: not valid YAML"),
        ("a: \x00", ".tryline.yml: not valid YAML"),
        (b"\xff\xfe", ".tryline.yml is not UTF-8 text (byte 0)"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str | bytes, message: str) -> None:
    assert refused(text).message.startswith(message)


def test_several_mistakes_are_told_at_once() -> None:
    lines = refused("repeats: 1\nfail_on: huge\nzzz: 1").message.split("\n")
    assert [line.split(": ")[0] for line in lines] == [".tryline.yml:2:1", ".tryline.yml:1:1", ".tryline.yml:3:1"]


def test_a_hint_lists_what_stands_in_the_section() -> None:
    assert refused("verify: {x: 1}").hint == "Settings in `verify`: seconds, sample."


def test_bombs_are_refused_before_they_unfold() -> None:
    bomb = "a: &a [x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "aliases" in refused(bomb).message
    assert "nested" in refused("[" * 30_000).message
    assert refused("#" * 70_000).slug == "config-too-large"


def test_hostile_text_in_a_message_is_harmless() -> None:
    message = refused('repeats: "\\e[31m\\u202e`"').message
    assert "\x1b" not in message
    assert "\u202e" not in message


def test_variables_set_every_kind_of_value() -> None:
    environ = {
        "TRYLINE_TEST_ARGS": "-k 'a or b' -x",
        "TRYLINE_EXCLUDE": "docs/**, *_pb2.py",
        "TRYLINE_TEST_ENV": "A=1 B='two words'",
        "TRYLINE_FAIL_ON": "high",
        "TRYLINE_INSTALL_EXTRAS": "null",
        "TRYLINE_INSTALL_PROJECT": "false",
        "TRYLINE_REPEATS": "",
    }
    config = load("install: {extras: [a]}", environ=environ)
    assert config.test.args == ("-k", "a or b", "-x")
    assert config.exclude == ("docs/**", "*_pb2.py")
    assert config.test.env == {"A": "1", "B": "two words"}
    assert config.fail_on is Severity.HIGH
    assert config.install.extras is None
    assert config.install.project is False
    assert config.repeats == 2, "an empty variable is one that is not set"


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean `TRYLINE_BUDGET_SECONDS`"):
        load(environ={"TRYLINE_BUDGET_SECOND": "5"})
    with pytest.raises(ConfigError, match="environment TRYLINE_BUDGET_SECONDS: `budget.seconds` must be a number"):
        load(environ={"TRYLINE_BUDGET_SECONDS": "x"})
    with pytest.raises(ConfigError, match="`test.args`: No closing quotation"):
        load(environ={"TRYLINE_TEST_ARGS": "'"})
    assert load(environ={"TRYLINE_BASE": "x"}, also=["TRYLINE_BASE"]) == load()


def test_every_setting_is_described_and_can_be_set_by_its_variable() -> None:
    rows = describe()
    assert len(rows) == len({row.environment for row in rows}) > 30
    for row in rows:
        assert row.description.endswith("."), row.name
        if isinstance(row.default, bool | int | float | str):
            config = load(environ={environment_name(row.name): str(row.default)})
            assert config.origins == {row.name: f"environment {row.environment}"}


def test_an_unknown_name_is_not_parsed() -> None:
    with pytest.raises(ConfigError, match="did you mean `test.seconds`"):
        parse("test.secs", "3")


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("abtesrun:{}[]-&*!'\"|>%@#?,. \n\t\r\x00\u202e0123"), max_size=60))
def test_any_text_is_a_configuration_or_a_config_error(text: str) -> None:
    try:
        load(text)
    except ConfigError as error:
        assert error.message


def test_an_endpoint_is_named_by_its_settings_or_by_the_names_that_others_use():
    text = "endpoint: {url: http://file:1/v1}"
    assert load(text).endpoint.url == "http://file:1/v1"
    standard = {"OPENAI_BASE_URL": "http://standard/v1/", "OPENAI_MODEL": "m"}
    config = load(text, environ=standard)
    assert (config.endpoint.url, config.endpoint.model) == ("http://standard/v1", "m")
    assert config.origins["endpoint.url"] == "environment OPENAI_BASE_URL"
    assert load(text, environ={**standard, "TRYLINE_ENDPOINT_URL": "http://own"}).endpoint.url == "http://own"


def test_a_key_alone_names_no_endpoint():
    config = load(environ={"OPENAI_API_KEY": "sk-1"})
    assert config.endpoint.url is None and config.endpoints({"OPENAI_API_KEY": "sk-1"}) == ()


def test_keys_come_from_the_environment_and_are_never_shown():
    environ = {"OPENAI_API_KEY": "sk-first", "TRYLINE_ENDPOINT_KEY_2": "sk-second", "OPENAI_BASE_URL": "http://a"}
    config = load("endpoint: {fallbacks: [m@http://b/v1, 'x@y@https://c']}", environ=environ)
    seats = config.endpoints(environ)
    assert [(s.url, s.model, s.key) for s in seats] == [
        ("http://a", None, "sk-first"),
        ("http://b/v1", "m", "sk-second"),
        ("https://c", "x@y", None),
    ]
    own = {**environ, "TRYLINE_ENDPOINT_KEY": "sk-own"}
    assert load(environ=own).endpoints(own)[0].key == "sk-own"
    assert "sk-" not in repr(seats) + repr(config) + repr(explain(config))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("endpoint: {url: 'http://user:hunter2@a/v1'}", "no user, password"),
        ("endpoint: {url: ftp://x}", "base URL"),
        ("endpoint: {url: localhost}", "base URL"),
        ("endpoint: {fallbacks: [m@http://b]}", "needs an `endpoint.url`"),
        ("endpoint: {url: http://a, fallbacks: [http://b]}", "MODEL@URL"),
        ("budget: {money: 3}", "endpoint.price_in"),
        ("guidance: {rungs: [plain, magic]}", "'token-cfg'"),
        ("endpoint: {key: sk-1}", "not a setting"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_said(text: str, said: str):
    error = refused(text)
    assert said in error.message
    assert "hunter2" not in error.message
    if "key" in text:
        assert "OPENAI_API_KEY" in error.hint
