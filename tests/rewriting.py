"""Searches on real containers with toy models behind a real server: what tests of the method are made with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from engines import contents, docker_backend, prepared
from servers import VLLM, Abilities, Scripted, Tokenizer, Toy, ToyServer

from bot import brief, trial
from bot.domain import Category, ChangedFunction, Finding, Function, Limits, Search, Severity, SuitePlan, Witness
from bot.endpoints import Answer, Endpoint, Proposer, Request
from bot.endpoints.edits import Edits
from bot.endpoints.openai.client import OpenAI
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.signal import Counter
from bot.steps import propose
from bot.steps.propose.choosing import Referee
from bot.steps.propose.judging import Judge
from bot.steps.propose.searching import Searcher
from bot.steps.propose.text import normal_ends
from bot.steps.propose.writing import Guidance, Writer

ROOMY = replace(VLLM, context=32_768)
ASKED = "You repair one Python function"
"""Stands in every prompt of a rewrite, and in none of the probe's."""
SETTINGS = propose.Settings(candidates=300, seconds=120.0)
EDITS: tuple[Proposer, ...] = (Edits(seed=0),)


@dataclass(frozen=True)
class Case:
    """One function that is wrong, with the tests that say so."""

    name: str
    head: str
    """The module's text, `NAME.py`; it holds the function `NAME`."""
    tests: str
    """Functions of `test_NAME.py`, which imports the function."""
    base: str | None = None
    qualname: str = ""
    suspicious: Mapping[int, float] = field(default_factory=dict)
    green: tuple[str, ...] = ()
    """Names of tests that pass as it is."""

    @property
    def path(self) -> str:
        return f"{self.name}.py"

    @property
    def test_path(self) -> str:
        return f"test_{self.name}.py"

    @property
    def files(self) -> dict[str, str]:
        top = (self.qualname or self.name).partition(".")[0]
        return {self.path: self.head, self.test_path: f"from {self.name} import {top}\n\n\n{self.tests}"}

    def ids(self, *, green: bool) -> tuple[str, ...]:
        names = [line[4:].partition("(")[0] for line in self.tests.split("\n") if line.startswith("def test_")]
        return tuple(f"{self.test_path}::{name}" for name in names if (name in self.green) is green)

    def located(self, text: str) -> Function:
        wanted = self.qualname or self.name
        return next(f for f in Python().functions(self.path, text) if f.qualname == wanted)

    @property
    def function(self) -> ChangedFunction:
        base = self.located(self.base) if self.base is not None else None
        head = self.located(self.head)
        lines = tuple(range(head.start_line, head.end_line + 1))
        return ChangedFunction(head, base, lines, "modified" if base else "added")

    @property
    def finding(self) -> Finding:
        head = self.function.head
        return Finding(
            "tests/failing",
            Category.CORRECTNESS,
            Severity.HIGH,
            self.function,
            head.start_line,
            head.end_line,
            "its tests fail",
            "They fail.",
            Witness("test", self.ids(green=False), "pytest", "it failed"),
            self.suspicious,
        )

    @property
    def guide(self) -> propose.Guide:
        return propose.Guide(
            self.ids(green=False), self.ids(green=True), (), suspicious=self.suspicious, green_at_base=False
        )


class Files:
    """A few files; implements `languages.Files`."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.texts = files

    def paths(self) -> Sequence[str]:
        return sorted(self.texts)

    def read(self, path: str) -> bytes:
        return self.texts[path].encode()


class Workbench:
    """One container that holds all cases of a test module; the function in hand is swapped in its fork server."""

    def __init__(self, lab: trial.Lab, box: Any, side: trial.Side) -> None:
        self.lab, self.box, self.side = lab, box, side
        self._case: Case | None = None
        self._stage: trial.Stage | None = None

    def stage(self, case: Case, *, warm: bool = True) -> trial.Stage:
        """The case's stage, started where it is not the one in hand."""
        if self._stage is None or self._case != case or not self._stage.warm:
            language = Python()
            unit = language.unit(case.head, case.function.head)
            place = trial.Place(language, case.head, case.function.head, unit)
            self._stage = trial.Stage(self.lab, self.box, place, self.side)
            self._stage.start((*case.guide.failing, *case.guide.passing))
            self._case = case
            assert self._stage.warm is warm, self._stage.why_cold
        return self._stage

    def writer(self, case: Case, endpoint: Endpoint, guidance: Guidance) -> Writer:
        """Who asks the model about the case."""
        told = brief.brief_of(
            case.function, Python(), case.head, self.side.files, case.finding, None, case.finding.witness.tests
        )
        return Writer(endpoint, told, guidance, Python(), Counter(endpoint))

    def search(
        self,
        case: Case,
        endpoint: Endpoint | None,
        guidance: Guidance,
        *,
        edits: Sequence[Proposer] = (),
        settings: propose.Settings = SETTINGS,
    ) -> Search:
        """The product's search."""
        return propose.search(
            self.stage(case),
            case.function,
            case.finding,
            case.guide,
            edits,
            settings,
            Silent(),
            self.writer(case, endpoint, guidance) if endpoint is not None else None,
        )

    def searcher(self, case: Case, edits: Sequence[Proposer] = ()) -> Searcher:
        """What rungs work on, ready to run versions."""
        judge = Judge(self.stage(case), case.guide, SETTINGS)
        head = normal_ends(case.function.head.source)
        why = judge.calibrate(head, None, Python().poison(case.function.head))
        assert not why, why
        referee = Referee(judge, case.function, head, None)
        return Searcher(judge, referee, case.function, case.finding, edits, Silent())


@contextmanager
def workbench(*cases: Case) -> Iterator[Workbench]:
    """A container with the files of all these cases."""
    files: dict[str, str] = {}
    for case in cases:
        assert not files.keys() & case.files.keys(), case.name
        files |= case.files
    backend = docker_backend()
    lab = trial.Lab(backend, Limits())
    plan = SuitePlan(("--rootdir=/repo", "-p", "no:cacheprovider"), (), "pytest", {})
    side = trial.Side(Files(files), contents(files), prepared(backend), plan)
    with lab.open(side) as box:
        yield Workbench(lab, box, side)


# ------------------------------------------------------------------------------------------------------- models


Lines = Callable[[str], Mapping[str, float]]
"""The text up to the line that comes next -> that line, with its line feed -> its probability."""
IDLE = Scripted([("", ["alpha bravo charlie", "one two three", "nothing at all", "x = y + z"])])


def by_lines(following: Lines) -> Toy:
    """A model that is given line by line; what it is asked beside rewrites (the probe) it answers as `IDLE`."""
    tokenizer = Tokenizer()

    def following_token(text: str) -> Mapping[str, float]:
        if ASKED not in text:
            return IDLE.next(text)
        before, _, begun = text.rpartition("\n")
        likely = {line: share for line, share in following(before + "\n").items() if line.startswith(begun)}
        total = sum(likely.values())
        shares: dict[str, float] = {}
        for line, share in likely.items():
            rest = tokenizer.encode(line[len(begun) :])
            token = tokenizer.decode(rest[:1]) if rest else ""
            shares[token] = shares.get(token, 0.0) + share / total
        return shares or {"": 1.0}

    return Toy(following_token)


@dataclass
class Counted:
    """An endpoint that remembers what it was asked; what it cannot do, it leaves to the one inside."""

    inner: Endpoint
    requests: list[Request] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def seat(self) -> str:
        return self.inner.seat

    @property
    def capabilities(self) -> Any:
        return self.inner.capabilities

    def send(self, request: Request) -> Answer:
        self.requests.append(request)
        return self.inner.send(request)

    def of(self, purpose: str) -> list[Request]:
        return [request for request in self.requests if request.purpose == purpose]


@contextmanager
def served(model: Toy, abilities: Abilities = ROOMY) -> Iterator[tuple[ToyServer, Counted]]:
    """The model behind a server, and a probed endpoint at it."""
    with ToyServer(model, abilities) as server:
        client = OpenAI(server.url, "toy", None, retries=0)
        assert client.capabilities.tier != "E"
        server.requests.clear()
        yield server, Counted(client)
        client.close()
