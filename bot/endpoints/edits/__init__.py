"""The built-in proposer: edits of a line from a table of operators, no model and no endpoint."""

from __future__ import annotations

import ast
import copy
import math
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bot.domain import Category, Edit, Finding, Function, Observed, Proposal, Situation
from bot.endpoints.edits.base import BaseView
from bot.endpoints.edits.expressions import expression_edits
from bot.endpoints.edits.performance import RULES as PERFORMANCE
from bot.endpoints.edits.remedies import Code, Rule, by_place
from bot.endpoints.edits.scope import ModuleFacts, Scope
from bot.endpoints.edits.security import RULES as SECURITY
from bot.endpoints.edits.security import fitting
from bot.endpoints.edits.site import Raw, sites
from bot.endpoints.edits.statements import Line, statement_edits
from bot.endpoints.edits.text import Place, Shape, Splice, Text
from bot.endpoints.edits.weights import KEEP, SPECIFIC_LAST, keep_share, logprobs, weigh

LONGEST_LIST = 120
"""Distinct edits that are kept per line, the likeliest."""
_FRAGILE = frozenset(
    {"while-or-if", "swap-jump", "swap-yield", "missing-return", "move-out-of-block", "move-into-block"}
)
"""Operators whose result may parse and not compile: a `break` outside its loop, a `return` beside a `yield`."""

_REMEDIES: dict[Category, tuple[Rule, ...]] = {Category.SECURITY: SECURITY, Category.PERFORMANCE: PERFORMANCE}
"""What a finding of a category is mended with, instead of the table of slips: whatever breaks a function at random
also keeps an attack from landing, and is fast."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class _Option:
    """One distinct edit of a line."""

    text: Text
    splices: tuple[Splice, ...]
    operator: str
    weight: float
    imports: tuple[str, ...]

    @property
    def edit(self) -> Edit:
        """The edit in lines: worked out when it is asked for, since most options are never shown."""
        return self.text.edit(self.splices)


@dataclass(frozen=True)
class _Version:
    """One version of a function in its module, with what it was before the change."""

    source: str
    module: str
    base: str
    """Text of the function at base; empty when there is none."""
    owner: str | None
    """The class around it."""
    category: Category = Category.CORRECTNESS
    """What the finding is about that is to be mended."""
    cwe: int = 0

    @staticmethod
    def of(
        function: Function, source: str, module: str, base: Function | None, finding: Finding | None = None
    ) -> _Version:
        """The parts of a situation on which all its lines' edits depend."""
        scope = function.enclosing[-1] if function.enclosing else ""
        before = base.source.replace("\r\n", "\n").rstrip("\n") if base is not None else ""
        owner = scope.removeprefix("class ") if scope.startswith("class ") else None
        category = finding.category if finding is not None else Category.CORRECTNESS
        cwe = finding.cwe if finding is not None else 0
        return _Version(source, module, before, owner, category, cwe)


@dataclass(frozen=True)
class _Analysis:
    """What is worked out once for a version of a function."""

    text: Text
    scope: Scope
    base: BaseView | None
    compiles: bool
    delicate: bool
    """Whether it holds syntax whose rules the parser does not check, so that every edit has to be compiled."""
    remedies: Mapping[int, tuple[Raw, ...]] | None = None
    """For a finding that is mended otherwise than a slip: by the order of a statement, what is proposed there."""


class _Recent(OrderedDict[K, V]):
    """A dictionary that forgets what was not used for longest."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def recall(self, key: K, make: Callable[[], V]) -> V:
        """The value for a key, made at first use."""
        if key in self:
            self.move_to_end(key)
            return self[key]
        value = make()
        self[key] = value
        while len(self) > self.size:
            self.popitem(last=False)
        return value


class Edits:
    """Proposes edits of a line from a table of operators (see `weights.OPERATORS`). Deterministic.

    Holds a bounded cache of what it worked out; equal situations get equal answers with and without it.
    """

    name = "edits"
    tier = "E"

    def __init__(self, seed: int = 0) -> None:
        """`seed` orders edits of equal weight; 0 leaves them in the order of the text."""
        self.seed = seed
        self._modules: _Recent[str, ModuleFacts] = _Recent(8)
        self._analyses: _Recent[_Version, _Analysis | None] = _Recent(32)
        self._options: _Recent[tuple[_Version, int, tuple[tuple[str, str], ...]], tuple[_Option, ...]] = _Recent(
            512
        )

    def propose(self, situation: Situation) -> tuple[Proposal, ...]:
        """At most `width` proposals for the line after the `skip` best, `keep` among the first page.

        Edits refer to `situation.source`; a few reach beyond the line: a statement moved or put after a block, a
        default in the signature (proposed at the first statement), a hunk of base. A source that is not one
        function gets `keep` alone.
        """
        version = _Version.of(
            situation.function, situation.source, situation.module, situation.base, situation.finding
        )
        ranked = self._ranked(version, situation.line, situation.observed, situation.suspiciousness)
        page = ranked[situation.skip : situation.skip + situation.width]
        if situation.skip == 0 and page and all(option is not None for option, _ in page):
            page = [*page[:-1], next(found for found in ranked if found[0] is None)]
        return tuple(self._proposal(option, logprob) for option, logprob in page)

    def _proposal(self, option: _Option | None, logprob: float) -> Proposal:
        if option is None:
            return Proposal(None, logprob, KEEP, self.name)
        return Proposal(option.edit, logprob, option.operator, self.name, option.imports)

    def all_proposals(
        self,
        function: Function,
        source: str,
        module: str,
        base: Function | None = None,
        *,
        observed_by_line: Mapping[int, Observed] | None = None,
        finding: Finding | None = None,
    ) -> tuple[tuple[int, Proposal], ...]:
        """Every edit of every line of a function as (line, proposal), by line; `keep` left out.

        Log-probabilities are those of a line of suspiciousness 1.
        """
        version = _Version.of(function, source, module, base, finding)
        analysis = self._analysis(version)
        if analysis is None:
            return ()
        observed = observed_by_line or {}
        lines = sorted({analysis.text.first_line(place.node) for place in analysis.text.places})
        return tuple(
            (line, self._proposal(option, logprob))
            for line in lines
            for option, logprob in self._ranked(version, line, observed.get(line), 1.0)
            if option is not None
        )

    # ------------------------------------------------------------------------------------------ one line

    def _ranked(
        self, version: _Version, line: int, observed: Observed | None, suspiciousness: float
    ) -> list[tuple[_Option | None, float]]:
        """Every option of a line with its log-probability, likeliest first; None keeps the line."""
        types = tuple(sorted(observed.types.items())) if observed is not None else ()
        options = self._options.recall((version, line, types), lambda: self._enumerate(version, line, types))
        if not options:
            return [(None, 0.0)]
        keep = keep_share(suspiciousness)
        shares = logprobs([option.weight for option in options], keep)
        found: list[tuple[_Option | None, float]] = [(None, math.log(keep)), *zip(options, shares, strict=True)]
        return sorted(found, key=lambda pair: -pair[1])

    def _enumerate(self, version: _Version, line: int, types: tuple[tuple[str, str], ...]) -> tuple[_Option, ...]:
        analysis = self._analysis(version)
        if analysis is None:
            return ()
        scope = copy.copy(analysis.scope)
        scope.kinds = {**scope.kinds, **{name: _KINDS.get(kind, kind) for name, kind in types}}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd escapes in the text are not this process's concern
            raws = [
                (weigh(raw.operator, raw.factor), order, place, raw)
                for order, (place, raw) in enumerate(_raws(analysis, scope, line))
            ]
            raws.sort(key=lambda found: (-found[0], self._tie(found[3], found[1])))
            return _distinct(analysis, raws)

    def _tie(self, raw: Raw, order: int) -> tuple[int, int]:
        mixed = zlib.crc32(f"{self.seed}:{raw.splices}".encode()) if self.seed else 0
        return mixed, order

    def _analysis(self, version: _Version) -> _Analysis | None:
        return self._analyses.recall(version, lambda: self._analyse(version))

    def _analyse(self, version: _Version) -> _Analysis | None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = _text(version.source)
            if text is None:
                return None
            before = _text(version.base) if version.base else None
            facts = self._modules.recall(version.module, lambda: ModuleFacts.of(version.module))
            scope = Scope(text, facts, version.owner, before.function if before is not None else None)
            view = BaseView(text, before) if before is not None else None
            delicate = any(isinstance(node, _DELICATE) for node in ast.walk(text.function))
            rules = _REMEDIES.get(version.category)
            remedies = (
                by_place(Code(text, version.module, version.base), rules, fitting(version.cwe)) if rules else None
            )
            return _Analysis(text, scope, view, _compiles(version.source), delicate, remedies)


_DELICATE = (ast.NamedExpr, ast.Global, ast.Nonlocal, ast.Match, ast.AsyncFor, ast.Starred)
_KINDS = {"NoneType": "none", "defaultdict": "dict", "Counter": "dict", "OrderedDict": "dict", "frozenset": "set"}


def _text(source: str) -> Text | None:
    try:
        return Text(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _compiles(source: str) -> bool:
    indented = source[:1] in (" ", "\t")
    try:
        compile("if 1:\n" + source if indented else source, "<edit>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def _raws(analysis: _Analysis, scope: Scope, line: int) -> Iterator[tuple[Place, Raw]]:
    for place in _places(analysis.text, line):
        if analysis.remedies is not None:
            for raw in analysis.remedies.get(place.order, ()):
                yield place, raw
        else:
            for site in sites(analysis.text, scope, place):
                for raw in expression_edits(site):
                    yield place, raw
            for raw in statement_edits(Line(analysis.text, scope, place)):
                yield place, raw
        if analysis.base is not None:
            for raw in analysis.base.edits(place):
                yield place, raw


def _places(text: Text, line: int) -> list[Place]:
    """The statements that start on a line, or the innermost one whose own text covers it."""
    found = [place for place in text.places if line in (text.first_line(place.node), place_line(place))]
    if found:
        return found
    covering = [
        place
        for place in text.places
        if text.first_line(place.node) <= line
        and text.data.count(b"\n", 0, text.header_end(place.node)) + 1 >= line
    ]
    return covering[-1:]


def place_line(place: Place) -> int:
    """The line of a statement's keyword (`def`, not its decorators)."""
    node = place.node
    return node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno


def _distinct(analysis: _Analysis, raws: list[tuple[float, int, Place, Raw]]) -> tuple[_Option, ...]:
    """The best edits that are valid and differ in what they make of the function."""
    text = analysis.text
    found: dict[Shape, _Option] = {}
    for weight, _, place, raw in raws:
        if len(found) >= LONGEST_LIST:
            break
        result = _result(text, place, raw)
        if result is None or result == text.shape:
            continue
        if result in found:
            found[result] = _merged(found[result], raw, weight)
            continue
        rebuilt = raw.whole and not raw.rows
        if not (rebuilt or raw.operator in _FRAGILE or analysis.delicate) or _sound(analysis, raw):
            imports = tuple(i for i in raw.imports if i.split()[-1] not in analysis.scope.module.imported)
            found[result] = _Option(text, raw.splices, raw.operator, weight, imports)
    return tuple(sorted(found.values(), key=lambda option: -option.weight))


def _result(text: Text, place: Place, raw: Raw) -> Shape | None:
    """What an edit makes of the function; None when that is not valid."""
    if raw.rows:
        return text.beside(place, raw.rows, raw.beside)
    return text.reparsed(raw.splices) if raw.whole else text.reshaped(place, raw.splices)


def _merged(known: _Option, raw: Raw, weight: float) -> _Option:
    """Two edits with one result: the more specific name, and the weight of both when base speaks for it too."""
    first, second = known.operator in SPECIFIC_LAST, raw.operator in SPECIFIC_LAST
    if first and not second:
        return _Option(
            known.text, known.splices, raw.operator, known.weight + weight, raw.imports or known.imports
        )
    return known


def _sound(analysis: _Analysis, raw: Raw) -> bool:
    if not analysis.compiles:
        return True
    return _compiles(analysis.text.apply(raw.splices).decode())
