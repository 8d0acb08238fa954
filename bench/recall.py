"""How often the true repair is among the built-in proposer's edits of the defective line, and at which rank.

    python -m bench.recall            a table: recall within 1, 5, 12, 24 edits and at all, without and with base

A repair counts when the edited function has the same normalised syntax as the correct one; `keep` takes one of the
places, as it does in a search. A double defect counts when both of its edits are found, one after the other.
"""

from __future__ import annotations

import ast
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from bench.defect_set import Defect, load
from bot.domain import Edit, Function, Situation
from bot.endpoints.edits import Edits
from bot.endpoints.edits.text import FunctionNode, Shape, parse_function, shape

WITHIN = (1, 5, 12, 24, 1000)


def function_of(module: str, qualname: str) -> Function:
    """One function of a module's text. Raises LookupError when it is not there."""
    owner, _, name = qualname.rpartition(".")
    body: list[ast.stmt] = ast.parse(module).body
    if owner:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == owner)
    for node in body:
        if isinstance(node, FunctionNode) and node.name == name:
            end = node.end_lineno or node.lineno
            source = "\n".join(module.split("\n")[node.lineno - 1 : end])
            scope = (f"class {owner}",) if owner else ()
            return Function(
                "function.py",
                qualname,
                node.lineno,
                end,
                node.lineno,
                node.body[0].lineno,
                source,
                enclosing=scope,
            )
    raise LookupError(qualname)


def applied(source: str, edit: Edit) -> str:
    """A function's text after an edit."""
    lines = source.split("\n")
    lines[edit.start - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines)


def proposals(
    edits: Edits, module: str, function: Function, base: Function | None
) -> Iterator[tuple[int, Shape, str]]:
    """(rank, what the function becomes, operator) of every edit of every line; rank 1 is the line's likeliest."""
    for line in range(1, function.source.count("\n") + 2):
        situation = Situation(function, function.source, line, module, base, None, 1.0, None, 1000)
        for rank, proposal in enumerate(edits.propose(situation), 1):
            if proposal.edit is not None:
                text = applied(function.source, proposal.edit)
                yield rank, shape(parse_function(text)), proposal.operator


def rank_of(edits: Edits, module: str, target: str, qualname: str, base: str | None) -> tuple[int, str] | None:
    """Best rank of the edit that turns one module's function into another's, with its operator."""
    function = function_of(module, qualname)
    wanted = shape(parse_function(function_of(target, qualname).source))
    before = function_of(base, qualname) if base is not None else None
    found = [
        (rank, operator)
        for rank, result, operator in proposals(edits, module, function, before)
        if result == wanted
    ]
    return min(found, default=None)


def repair(edits: Edits, defect: Defect, with_base: bool) -> tuple[int, str] | None:
    """Rank of the repair of a defect; of the worse of its two edits for a double one."""
    base = defect.correct if with_base else None
    if defect.kind == "single":
        return rank_of(edits, defect.defective, defect.correct, defect.function, base)
    ways = []
    for step in defect.steps:
        first = rank_of(edits, defect.defective, step, defect.function, base)
        second = rank_of(edits, step, defect.correct, defect.function, base)
        if first is not None and second is not None:
            ways.append(max(first, second))
    return min(ways, default=None)


def table(ranks: Iterable[tuple[int, str] | None]) -> str:
    """Recall within each limit, as text."""
    every = list(ranks)
    cells = []
    for limit in WITHIN:
        hits = sum(1 for found in every if found is not None and found[0] <= limit)
        cells.append(f"{'all' if limit == WITHIN[-1] else f'@{limit}'} {hits / max(1, len(every)):5.0%}")
    return "  ".join(cells) + f"   of {len(every)}"


def pace(defects: tuple[Defect, ...]) -> str:
    """Processor milliseconds per line with a cold cache, and how many edits a line has."""
    seconds, counts = 0.0, []
    for defect in {defect.correct: defect for defect in defects}.values():
        function, edits = function_of(defect.defective, defect.function), Edits()
        for line in range(1, function.source.count("\n") + 2):
            situation = Situation(function, function.source, line, defect.defective, None, None, 1.0, None, 1000)
            started = time.process_time()
            found = len(edits.propose(situation))
            if found > 1:
                seconds += time.process_time() - started
                counts.append(found)
    counts.sort()
    return f"{1000 * seconds / len(counts):.1f} ms a line; edits a line: median {counts[len(counts) // 2]}"


def main() -> int:
    """Prints the table, what was missed, and the pace."""
    defects, edits = load(), Edits()
    for kind in ("single", "double"):
        for with_base in (False, True):
            chosen = [defect for defect in defects if defect.kind == kind]
            ranks = [repair(edits, defect, with_base) for defect in chosen]
            print(f"{kind}, {'with' if with_base else 'without'} base: {table(ranks)}")
            if not with_base:
                missed = [d for d, found in zip(chosen, ranks, strict=True) if found is None]
                late = [(f, d) for d, f in zip(chosen, ranks, strict=True) if f is not None and f[0] > 24]
                print(*(f"  missed {d.name} ({d.category})" for d in missed), sep="\n")
                print(*(f"  rank {found[0]} {d.name} ({found[1]})" for found, d in late), sep="\n")
                print("  by operator:", dict(Counter(found[1] for found in ranks if found).most_common()))
    print(pace(defects))
    return 0


if __name__ == "__main__":
    sys.exit(main())
