"""What the runs over the sets come to: one row a case, and a table with intervals."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Said:
    """One proven finding, as it would stand on the pull request."""

    function: str
    rule: str
    category: str
    title: str
    line: int
    right: bool
    """Whether it is of the right category and in the right function."""
    rewritten: bool
    why: str = ""
    """Why it has no rewrite."""


@dataclass(frozen=True)
class Row:
    """One case, reviewed."""

    kind: str
    name: str
    sort: str
    inline: bool
    """Whether a right finding is one that is posted at a line (`Case.posted`)."""
    conclusion: str
    detected: bool
    """A right finding, or an unproven suspicion or a difference told of the right function."""
    proven: bool
    """A right finding with a witness that ran: a comment at a line."""
    told: bool
    """Correctness: an input on which head answers otherwise stands in the table of the right function."""
    said: tuple[Said, ...]
    rewritten: bool
    """The right finding has a rewrite."""
    holds: bool | None
    """Whether that rewrite passes what was kept apart; None without one."""
    why: str
    ratio: tuple[float, float, float] | None
    """Performance: time of the rewrite over head's on the workload, with its interval."""
    seconds: float
    prepare_seconds: float
    functions: int
    """How many were looked at."""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What the review said of functions that it left alone, of unproven suspicions, and an error of ours."""

    @property
    def each(self) -> float:
        """Seconds a function."""
        return (self.seconds - self.prepare_seconds) / max(1, self.functions)

    @property
    def false(self) -> tuple[Said, ...]:
        """Findings that are not the right one."""
        return tuple(item for item in self.said if not item.right)


def write(path: Path, row: Row) -> None:
    """Adds a row to the journal."""
    with path.open("a") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def read(path: Path) -> tuple[Row, ...]:
    """The journal's rows, the last of each case; none where there is no journal."""
    if not path.is_file():
        return ()
    rows = {}
    for line in path.read_text().splitlines():
        raw = json.loads(line)
        raw["said"] = tuple(Said(**item) for item in raw["said"])
        raw["ratio"] = tuple(raw["ratio"]) if raw["ratio"] else None
        raw["problems"], raw["notes"] = tuple(raw["problems"]), tuple(raw["notes"])
        rows[raw["kind"], raw["name"]] = Row(**raw)
    return tuple(rows.values())


def wilson(hits: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share (1927), 95% by default; (0, 1) where nothing was counted."""
    if not count:
        return 0.0, 1.0
    share = hits / count
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, centre - half), min(1.0, centre + half)


def share(hits: int, count: int) -> str:
    """`9 of 10 (60% to 98%)`."""
    low, high = wilson(hits, count)
    return f"{hits} of {count} ({100 * low:.0f}% to {100 * high:.0f}%)" if count else "-"


def line(row: Row) -> str:
    """One case for a reader."""
    if row.kind == "harmless":
        mark = "FALSE " + "; ".join(item.rule for item in row.said) if row.said else "quiet"
    else:
        words = ["proven" if row.proven else "told" if row.told else "detected" if row.detected else "MISSED"]
        if row.rewritten:
            words.append("repaired" if row.holds else f"WRONG ({' '.join(row.why.split())[:160]})")
        elif row.proven:
            words.append("no rewrite: " + next((item.why for item in row.said if item.right), ""))
        if row.ratio:
            words.append("time x {:.2f} ({:.2f} to {:.2f})".format(*row.ratio))
        words += [f"also {item.category} {item.rule} in {item.function}" for item in row.false]
        mark = ", ".join(words)
    trouble = f" !{' '.join(row.problems)}" if row.problems else ""
    return f"{row.kind:12} {row.name:24} {row.sort:28} {row.each:6.1f} s  {row.conclusion:9} {mark}{trouble}"


def table(rows: Sequence[Row]) -> str:
    """Figures for each kind, as a Markdown table."""
    head = "| kind | detected | proven, at a line | other comments | rewritten, of proven | hold, of rewritten | "
    lines = [head + "time of a rewrite | seconds a function, median (p90) |", "|" + "---|" * 8]
    for name, mine in _groups(rows):
        proven, rewritten = [r for r in mine if r.proven], [r for r in mine if r.rewritten]
        ratios = sorted(row.ratio[0] for row in mine if row.ratio)
        seconds = sorted(row.each for row in mine)
        cells = [
            name,
            "-" if name == "harmless" else share(sum(row.detected for row in mine), len(mine)),
            "-" if name == "harmless" else share(len(proven), len(mine)),
            f"{sum(len(row.false) for row in mine)} in {share(sum(bool(row.false) for row in mine), len(mine))}",
            share(len(rewritten), len(proven)),
            share(sum(bool(row.holds) for row in rewritten), len(rewritten)),
            f"x {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if ratios else "-",
            f"{statistics.median(seconds):.1f} ({seconds[int(0.9 * (len(seconds) - 1))]:.1f})",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _groups(rows: Sequence[Row]) -> Iterable[tuple[str, list[Row]]]:
    """Kinds in order; correctness also by what is to be posted and what is to be told in the table."""
    for kind in dict.fromkeys(row.kind for row in rows):
        mine = [row for row in rows if row.kind == kind]
        yield kind, mine
        if kind == "correctness":
            for inline, name in ((True, "of these: crash, hang"), (False, "of these: other answers")):
                some = [row for row in mine if row.inline == inline]
                if some:
                    yield name, some
