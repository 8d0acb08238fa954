"""What a job tells the runner: read back here by the runner's rules, with every text that could break them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import CouldNot
from bot.forges.github.outputs import MAX_ANNOTATIONS, MAX_MESSAGE, MAX_SUMMARY, Job, random_word
from bot.plan import Annotation, Level


@dataclass
class Runner:
    """GitHub's runner, as far as it reads a step's log: what it took for commands, what it printed."""

    commands: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    stopped: str = ""

    def read(self, text: str) -> Runner:
        for line in re.split(r"\r\n|\r|\n", text):
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        new = re.match(r"\s*::([^ :]+)(?: ([^:]*(?:%3A[^:]*)*))?::(.*)", line)
        if self.stopped:
            if new and new[1] == self.stopped:
                self.stopped = ""
            else:
                self.log.append(line)
            return
        old = re.search(r"##\[([^\] ]+)", line)
        if new is None and old is None:
            self.log.append(line)
        elif new is None:
            self.commands.append((old[1] if old else "", {}, line))
        elif new[1] == "stop-commands":
            self.stopped = new[3]
        else:
            pairs = [pair.partition("=") for pair in (new[2] or "").split(",") if pair]
            properties = {key.strip(): unescaped(value, ":,") for key, _, value in pairs}
            self.commands.append((new[1], properties, unescaped(new[3], "")))


def unescaped(text: str, more: str) -> str:
    for code, character in [("%0D", "\r"), ("%0A", "\n"), *((f"%{ord(one):02X}", one) for one in more)]:
        text = text.replace(code, character)
    return text.replace("%25", "%")


def outputs(content: str) -> dict[str, str]:
    """What the runner reads from GITHUB_OUTPUT."""
    values, lines = {}, iter(content.split("\n")[:-1])
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            values[line[:equals]] = line[equals + 1 :]
            continue
        assert heredoc > 0, line
        delimiter = line[heredoc + 2 :]
        body = []
        for inner in lines:
            if inner == delimiter:
                break
            body.append(inner)
        else:
            raise AssertionError("no end")
        values[line[:heredoc]] = "\n".join(body)
    return values


def words(*given: str) -> Callable[[], str]:
    iterator: Iterator[str] = iter(given)
    return lambda: next(iterator)


ACTIONS = {"GITHUB_ACTIONS": "true"}


class Told:
    """A job whose log is kept."""

    def __init__(self, environ: dict[str, str] | None = None, word: Callable[[], str] = random_word) -> None:
        self.stream = io.StringIO()
        self.job = Job(ACTIONS if environ is None else environ, self.stream, word=word)

    @property
    def log(self) -> str:
        return self.stream.getvalue()

    @property
    def runner(self) -> Runner:
        return Runner().read(self.log)


HOSTILE = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            "::error::x",
            "\n",
            "\r",
            "::set-output name=a::b",
            "##[add-mask]x",
            " ",
            "::",
            "EOF",
            "a",
            "\u2028",
            "%0A",
            "\x85",
            "::stop-commands::",
            "::endgroup::",
            "\u00a0",
            "\t",
            ",",
            "=",
            "<<",
            "::add-path::/evil",
            "\x1b[0m",
        ]
    ),
    max_size=12,
).map("".join)


# ---------------------------------------------------------------------------------------------------- outputs


@given(st.dictionaries(st.from_regex(r"[a-z][a-z-]{0,10}", fullmatch=True), HOSTILE, max_size=4))
def test_the_runner_reads_exactly_what_was_set(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("job") / "output"
    told = Told({"GITHUB_OUTPUT": str(path)})
    for name, value in values.items():
        told.job.output(name, value)
    assert outputs(path.read_bytes().decode() if path.exists() else "") == values
    assert told.log == ""


def test_an_output_cannot_set_another(tmp_path: Path) -> None:
    path = tmp_path / "output"
    told = Told({"GITHUB_OUTPUT": str(path)}, words("w1", "w2", "w3"))
    told.job.output("one", "a\nw1\nconclusion=clean")
    told.job.output("two", "x=y<<z")
    told.job.output("findings", 3)
    assert path.read_text() == "one<<w2\na\nw1\nconclusion=clean\nw2\ntwo=x=y<<z\nfindings=3\n"
    assert outputs(path.read_text()) == {"one": "a\nw1\nconclusion=clean", "two": "x=y<<z", "findings": "3"}


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "a\nb", "1a"])
def test_a_bad_name_of_an_output_is_a_mistake_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name for an output"):
        Told({"GITHUB_OUTPUT": str(tmp_path / "o")}).job.output(name, "x")


def test_an_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CouldNot, match="`conclusion` cannot be written") as caught:
        Told({"GITHUB_OUTPUT": str(tmp_path / "none" / "output")}).job.output("conclusion", "clean")
    assert caught.value.slug == "job-file"


# ---------------------------------------------------------------------------------------------------- summary


def test_a_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text("before\n\n")
    told = Told({"GITHUB_STEP_SUMMARY": str(path)})
    assert told.job.summarise(["# One\n", "", "two\n::error::x"])
    assert told.job.summarise(["three"])
    assert path.read_text() == "before\n\n# One\n\ntwo\n::error::x\n\nthree\n\n"


@pytest.mark.parametrize("before", [0, 10, MAX_SUMMARY - 40, MAX_SUMMARY - 80, MAX_SUMMARY, MAX_SUMMARY + 5])
def test_a_summary_keeps_to_its_limit_with_whole_pieces(tmp_path: Path, before: int) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"x" * before)
    pieces = [f"<{number}>{'ä' * 50_000}</{number}>" for number in range(20)]
    assert Told({"GITHUB_STEP_SUMMARY": str(path)}).job.summarise(pieces)
    content = path.read_bytes()[before:].decode()
    assert len(path.read_bytes()) <= max(MAX_SUMMARY, before)
    kept = [number for number in range(20) if f"<{number}>" in content]
    assert kept == list(range(len(kept)))
    assert all(pieces[number] in content for number in kept)
    if before < MAX_SUMMARY - 100:
        assert f"*{20 - len(kept)} parts left out" in content
    if before <= 10:
        assert len(kept) == 10


def test_a_summary_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    told = Told({**ACTIONS, "GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert not told.job.summarise(["x"])
    assert "could not be written" in told.log


# ------------------------------------------------------------------------------------------------- annotations


def annotation(level: Level = Level.WARNING, **changes: object) -> Annotation:
    plain = {"path": "shop/cart.py", "start_line": 3, "end_line": 5, "level": level, "title": "T", "message": "m"}
    return Annotation(**{**plain, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("level", "word"), [(Level.FAILURE, "error"), (Level.WARNING, "warning"), (Level.NOTICE, "notice")]
)
def test_an_annotation_names_file_and_lines(level: Level, word: str) -> None:
    told = Told()
    assert told.job.annotate(annotation(level))
    assert told.log == f"::{word} file=shop/cart.py,line=3,endLine=5,title=T::m\n"


def test_what_steers_the_runner_is_escaped() -> None:
    told = Told()
    told.job.annotate(annotation(path="a,b:c%.py", title="50%, x: y", message="a\r\nb%0A::error::c\nd: e, f"))
    assert told.log == (
        "::warning file=a%2Cb%3Ac%25.py,line=3,endLine=5,title=50%25%2C x%3A y::a%0Ab%250A::error::c%0Ad: e, f\n"
    )
    assert told.runner.commands == [
        (
            "warning",
            {"file": "a,b:c%.py", "line": "3", "endLine": "5", "title": "50%, x: y"},
            "a\nb%0A::error::c\nd: e, f",
        )
    ]


@given(HOSTILE, HOSTILE, HOSTILE)
def test_an_annotation_of_any_text_is_one_command(path: str, title: str, message: str) -> None:
    told = Told()
    told.job.annotate(annotation(path=path, title=title, message=message))
    assert told.log.count("\n") == 1
    ((word, properties, text),) = told.runner.commands
    assert (word, properties["line"], properties["endLine"]) == ("warning", "3", "5")
    assert set(properties) == {"file", "line", "endLine", "title"}
    assert text


@given(st.integers(MAX_MESSAGE - 3, MAX_MESSAGE + 3), st.sampled_from(["a", "%", "\n.", "ä", "😀", "a😀"]))
def test_a_message_is_cut_where_the_runner_would(length: int, unit: str) -> None:
    told = Told()
    message = (unit * length)[:length]
    told.job.annotate(annotation(message=message))
    ((_, _, text),) = told.runner.commands
    assert len(text.encode("utf-16-le")) <= 2 * MAX_MESSAGE
    whole = message.strip()
    assert text == whole or (text.endswith("…") and whole.startswith(text[:-1]))
    if len(whole.encode("utf-16-le")) <= 2 * MAX_MESSAGE:
        assert text == whole
    else:
        assert len(text) >= MAX_MESSAGE // 2 - 1


def test_what_github_would_not_show_is_counted() -> None:
    told = Told()
    shown = [told.job.annotate(annotation(message=str(number))) for number in range(13)]
    assert shown == [True] * MAX_ANNOTATIONS + [False] * 3
    assert told.job.report(Level.FAILURE, "broken", title="Tryline")
    assert told.job.left_out() == {Level.WARNING: 3}
    told.job.close()
    assert len(told.runner.commands) == 11
    assert told.runner.commands[-1] == ("error", {"title": "Tryline"}, "broken")
    assert told.runner.log == ["GitHub shows 10 annotations of a kind; not shown: 3 more warnings.", ""]


# ------------------------------------------------------------------------------------------------------ the log


def test_secrets_are_masked_with_what_is_made_of_them() -> None:
    told = Told()
    told.job.mask("ghs_abc%", "", "abc", "line one\nline two", "ghs_abc%")
    masked = [text for word, _, text in told.runner.commands if word == "add-mask"]
    basic = [
        base64.b64encode(f"x-access-token:{one}".encode()).decode() for one in ("ghs_abc%", "line one\nline two")
    ]
    assert masked == ["ghs_abc%", basic[0], "line one\nline two", basic[1]]
    assert told.runner.log == [""]


def test_foreign_text_is_printed_with_commands_switched_off() -> None:
    told = Told(word=words("w1", "w2"))
    told.job.quietly("::error::w1\nok\n")
    assert told.log == "::stop-commands::w2\n::error::w1\nok\n::w2::\n"


def test_what_others_print_meanwhile_commands_nothing() -> None:
    told = Told(word=words("w1"))
    with pytest.raises(KeyError), told.job.commandless():
        told.job._stdout.write("  ::error::x\n")
        raise KeyError
    assert told.runner.commands == [] and told.runner.stopped == ""
    with Told({}).job.commandless():
        pass


@given(HOSTILE)
def test_foreign_text_commands_nothing(text: str) -> None:
    for method in (Job.quietly, Job.say):
        told = Told()
        method(told.job, text)
        told.job.mask("secret")
        assert [word for word, _, _ in told.runner.commands] == ["add-mask", "add-mask"]
        assert told.runner.stopped == ""


@given(HOSTILE)
def test_a_group_is_opened_and_closed_whatever_its_title(title: str) -> None:
    told = Told()
    with pytest.raises(KeyError), told.job.group(title):
        raise KeyError
    assert [word for word, _, _ in told.runner.commands] == ["group", "endgroup"]


def test_words_are_random() -> None:
    assert len({random_word() for _ in range(50)}) == 50
    assert re.fullmatch(r"[0-9a-f]{32}", random_word())


def test_without_a_runner_only_text_for_people_is_printed() -> None:
    told = Told({})
    told.job.output("a", "b")
    told.job.mask("secret")
    assert told.job.annotate(annotation())
    assert told.job.report(Level.NOTICE, "x")
    assert told.job.summarise(["x"])
    with told.job.group("Tests"):
        told.job.quietly("::error::x\x1b[31m\n")
    told.job.say("done")
    told.job.close()
    assert told.log == "Tests\n::error::x\ndone\n"
