"""Whose turn comes: keys of what each result depends on, the ranking by risk, and what stands."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.audit.desk import Desk
from bot.audit.observation import Seen
from bot.audit.survey import Survey, digest_of, outside
from bot.audit_state import Kept, Under
from bot.audited import Attention, Risk
from bot.domain import ChangedFunction, Function
from bot.languages import Unparsable
from bot.steps.depend import Dependence, depend
from bot.steps.rank import Figures, risk
from bot.workspace import Churn

# ---------------------------------------------------------------------------------------------------- keys


def keys_of(survey: Survey, seen: Seen, dependence: Dependence) -> dict[str, str]:
    """Function id -> digest of all that its result depends on."""
    functions = [changed.head for changed in survey.found.functions]
    texts = TestTexts(survey, seen.test_files)
    return {
        function.id: digest_of(
            survey.settings, dependence.digests[function.id], texts.of(seen.tests.get(function.id, ()))
        )
        for function in functions
    }


class TestTexts:
    """What tests are made of: their own text, their file's besides its tests, and what supports all tests."""

    __test__ = False

    def __init__(self, survey: Survey, files: frozenset[str]) -> None:
        self._survey = survey
        self._files: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._digests: dict[tuple[str, ...], str] = {}
        languages = {**survey.languages}
        self._language = next(iter(languages.values()), None)
        # Helpers, fixtures, data beside the tests: whatever lies among the tests and holds none.
        support = [p for p in survey.tree.paths() if p not in files and self._supports(p)]
        self._support = digest_of(*(part for path in support for part in (path, self._blob(path))))

    def of(self, tests: Sequence[str]) -> str:
        """One digest for some tests; the same while all that they consist of is the same."""
        key = tuple(tests)
        if not key:
            return "no tests"
        if key not in self._digests:
            self._digests[key] = digest_of(self._support, *(self._one(test) for test in key))
        return self._digests[key]

    def _supports(self, path: str) -> bool:
        return self._language is not None and self._language.is_test(path)

    def _blob(self, path: str) -> str:
        return hashlib.sha256(self._survey.tree.read(path)).hexdigest()

    def _one(self, test: str) -> str:
        path, _, name = test.partition("::")
        rest, bodies = self._file(path)
        bare = name.partition("[")[0].replace("::", ".")
        # A test whose text is not found (another runner's name) depends on its whole file.
        return digest_of(test, rest, bodies.get(bare, "") if bare in bodies else "".join(bodies.values()))

    def _file(self, path: str) -> tuple[str, Mapping[str, str]]:
        """What of a test file belongs to no test, and the text of each function that is one."""
        if path not in self._files:
            try:
                data = self._survey.tree.read(path)
                if self._language is None:
                    raise KeyError(path)
                text = self._language.decode(data)
                functions = [f for f in self._language.functions(path, text) if is_test_name(f)]
                self._files[path] = (
                    digest_of(*outside(text, functions)),
                    {f.qualname.partition("@")[0]: f.source for f in functions},
                )
            except (KeyError, Unparsable):
                self._files[path] = ("", {})
        return self._files[path]


def is_test_name(function: Function) -> bool:
    """Whether a function of a test file is a test by its name; others may help any of them."""
    return "<locals>" not in function.qualname and function.qualname.rpartition(".")[2].startswith("test")


# ------------------------------------------------------------------------------------------------- ranking


@dataclass
class Row:
    """One function on its way through the audit."""

    changed: ChangedFunction
    key: str
    risk: Risk
    kept: Kept | None = None
    """Its last result, if it has one."""
    attention: Attention = Attention.OVER_BUDGET
    why: str = "its turn did not come within the budget of this audit (`audit.*`)"

    @property
    def name(self) -> str:
        """Its id."""
        return self.changed.id


def ranked(desk: Desk, survey: Survey, seen: Seen, known: Mapping[str, Kept], under: Under) -> list[Row]:
    """All functions, highest risk first."""
    most = desk.config.audit.commits
    churn = desk.workspace.churn(survey.revision, most) if most and survey.revision.commit else Churn({}, 0, False)
    if churn.shallow:
        commits = counted_of(churn.looked_at, "commit")
        desk.progress.note(f"this clone is shallow and holds {commits}: what changes often is not fully known")
    functions = [changed.head for changed in survey.found.functions]
    dependence = depend(functions, survey.languages, survey.own)
    if seen.evidence is not None:
        keys = keys_of(survey, seen, dependence)
    else:
        # The ground is the same, and so is what results depend on; where nothing could be run, nothing is known.
        keys = {} if seen.failed else {name: kept.key for name, kept in known.items()}
    history = desk.state.history()
    rows = []
    for changed in survey.found.functions:
        function, kept = changed.head, known.get(changed.id)
        language = survey.languages[function.path]
        figures = Figures(
            branches=language.branches(function),
            commits=churn.commits.get(function.path, 0),
            lines=len(language.code_lines(survey.texts[function.path], function)),
            executed=seen.covered.get(changed.id, 0),
            callers=dependence.callers[changed.id],
            findings=history.get(changed.id, 0),
            days=days_between(kept.at, under.at) if kept is not None else None,
        )
        rows.append(Row(changed, keys.get(changed.id, ""), risk(figures), kept))
    rows.sort(key=lambda row: (-row.risk.score, row.name))
    return rows


def days_between(earlier: str, later: str) -> float | None:
    """Days between two ISO 8601 times; None for what is no time."""
    try:
        gone = datetime.datetime.fromisoformat(later) - datetime.datetime.fromisoformat(earlier)
    except (ValueError, TypeError):
        return None
    return max(0.0, gone.total_seconds() / 86_400)


def chosen(desk: Desk, survey: Survey, seen: Seen, rows: Sequence[Row], under: Under) -> list[Row]:
    """Whose turn comes, in order: first who waits, longest first, then by risk. What stands is marked as such."""
    waiting = desk.state.waiting()
    due = []
    for row in rows:
        if stands(desk, survey, row, under):
            now = row.kept is not None and row.kept.at == under.at
            row.attention, row.why = Attention.AUDITED if now else Attention.UNCHANGED, ""
        elif seen.failed:
            row.attention, row.why = Attention.FAILED, f"nothing could be run: {seen.failed}"
        else:
            due.append(row)
    due.sort(key=lambda row: (row.name not in waiting, waiting.get(row.name, ""), -row.risk.score, row.name))
    return due[: desk.config.audit.functions]


def stands(desk: Desk, survey: Survey, row: Row, under: Under) -> bool:
    """Whether the last result of a function is a result of what it is now. What was found stands for the very text
    of its file: lines and rewrites are told by it."""
    kept = row.kept
    if kept is None or not row.key or kept.key != row.key:
        return False
    if desk.everything and kept.at != under.at:
        return False
    return not kept.found or kept.file == survey.files[row.changed.head.path]


def told_of(survey: Survey, rows: Sequence[Row], turns: Sequence[Row]) -> str:
    """How much there is to do, in one line."""
    standing = sum(row.attention in (Attention.UNCHANGED, Attention.AUDITED) for row in rows)
    over = len(rows) - standing - len(turns)
    return (
        f"functions: {len(rows)}; results that stand: {standing}; to be audited: {len(turns)}; "
        f"over budget: {over}; files left out: {len(survey.found.not_reviewed)}"
    )


def counted_of(number: int, noun: str) -> str:
    """`1 function`, `2 functions`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
