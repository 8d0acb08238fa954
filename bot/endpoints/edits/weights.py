"""The table of operators: what each does, which repair work it comes from, and how much is given to it beforehand.

Priors are weights per candidate, not shares: a rule that yields many candidates lowers their factors itself.
Their order follows how often such fixes were found: changed identifiers, calls and numbers first (ManySStuBs4J,
MSR 2020; PySStuBs, MSR 2021), then conditions and missing checks (TBar, ISSTA 2019; PAR, ICSE 2013), while edits
that often pass weak tests for the wrong reason rank low: deletions, constant returns, special cases (Kali, ISSTA
2015; Long and Rinard, ICSE 2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """One kind of edit."""

    prior: float
    """Weight of its most typical candidate."""
    sources: str
    """Repair or defect studies that use or count it."""


OPERATORS: dict[str, Operator] = {
    # conditions
    "swap-comparison": Operator(1.0, "TBar mutate operator; PraPR; ManySStuBs4J change operator"),
    "chain-comparison": Operator(0.3, "TBar mutate conditional; ManySStuBs4J more or less specific if"),
    "swap-boolean": Operator(0.8, "TBar mutate operator; PraPR"),
    "drop-clause": Operator(0.45, "TBar remove condition; ManySStuBs4J less specific if"),
    "add-clause": Operator(0.42, "TBar add condition; PAR; ManySStuBs4J more specific if; Nopol"),
    "negate-condition": Operator(0.6, "GenProg mutation; Kali; PraPR negate conditional"),
    "replace-condition": Operator(0.3, "Nopol; Angelix; ELIXIR"),
    "empty-or-none": Operator(0.5, "PAR null check; PyTER"),
    "float-equality": Operator(0.8, "ManySStuBs4J change caller; ruff RUF069"),
    # arithmetic
    "swap-arithmetic": Operator(0.9, "GenProg mutation; PraPR; mutmut"),
    "swap-operands": Operator(0.45, "PraPR; ManySStuBs4J change operand"),
    "drop-operand": Operator(0.45, "PraPR; Cardumen"),
    "regroup": Operator(0.6, "TBar mutate operator (precedence)"),
    "off-by-one": Operator(0.75, "TBar mutate literal and argument; ELIXIR; DeepBugs"),
    "clamp": Operator(0.3, "PAR range checker"),
    # constants
    "replace-constant": Operator(0.75, "TBar mutate literal; ManySStuBs4J change numeric, boolean"),
    "replace-string": Operator(0.3, "PySStuBs change string literal"),
    "string-format": Operator(0.4, "PySStuBs change string literal"),
    "replace-collection": Operator(0.4, "Cardumen; TBar mutate literal"),
    "aliased-rows": Operator(1.5, "PySStuBs; the common Python slip of shared inner lists"),
    "initial-value": Operator(0.35, "PAR object initializer; TBar mutate literal"),
    # names
    "replace-variable": Operator(0.8, "TBar mutate variable; VarMisuse; ManySStuBs4J change identifier"),
    "replace-attribute": Operator(0.8, "PySStuBs change attribute used; TBar mutate field"),
    "missing-self": Operator(1.2, "PySStuBs; PyTER"),
    "drop-self": Operator(0.6, "PySStuBs"),
    # calls
    "swap-callee": Operator(
        0.75, "TBar mutate method name; PAR method replacer; ManySStuBs4J wrong function name"
    ),
    "unwrap-call": Operator(0.4, "TBar; Cardumen"),
    "wrap-call": Operator(0.4, "PyTER type conversion; TypeFix; TBar mutate data type"),
    "add-call": Operator(0.4, "ELIXIR method call insertion; PySStuBs add function around expression"),
    "swap-arguments": Operator(0.7, "DeepBugs; TBar mutate argument; ManySStuBs4J swap arguments"),
    "drop-argument": Operator(0.35, "PAR parameter remover; ManySStuBs4J same function less args"),
    "add-argument": Operator(0.5, "PAR parameter adder; ManySStuBs4J same function more args"),
    "reuse-expression": Operator(0.35, "GenProg; Cardumen; ELIXIR"),
    "return-constant": Operator(0.08, "Kali; kept low: the typical over-fitted patch"),
    # subscripts and displays
    "replace-index": Operator(0.7, "TBar mutate literal"),
    "swap-indices": Operator(0.9, "DeepBugs swapped operands"),
    "missing-key": Operator(0.5, "PyTER key check; PyTy"),
    "replace-slice": Operator(0.6, "TBar mutate argument; PAR range checker"),
    "index-to-slice": Operator(0.2, "Cardumen"),
    "slice-to-index": Operator(0.2, "Cardumen"),
    "drop-subscript": Operator(0.25, "Cardumen"),
    "swap-branches": Operator(0.8, "PraPR negate conditional"),
    "drop-branch": Operator(0.2, "Kali; TBar remove condition"),
    "drop-filter": Operator(0.5, "TBar remove condition"),
    "add-filter": Operator(0.6, "TBar add condition; PAR"),
    "swap-elements": Operator(0.7, "DeepBugs swapped arguments"),
    "missing-await": Operator(1.2, "PySStuBs; ruff RUF006"),
    "drop-await": Operator(0.4, "PyTER"),
    "swap-yield": Operator(0.9, "PySStuBs; TBar mutate return"),
    "late-binding": Operator(1.2, "ruff B023"),
    # statements
    "delete-statement": Operator(0.16, "GenProg delete; Kali; kept low: deletes pass weak tests"),
    "early-return": Operator(0.3, "PAR null and range checker; TBar insert missed statement; PyTER"),
    "early-continue": Operator(0.25, "PAR; TBar insert missed statement"),
    "wrap-in-condition": Operator(0.28, "PAR null checker; TBar insert null check; SPR add guard"),
    "insert-statement": Operator(0.32, "GenProg insert; TBar insert missed statement; PAR object initializer"),
    "insert-copy": Operator(0.28, "GenProg insert; Prophet copy and replace"),
    "move-out-of-block": Operator(0.7, "TBar move statement; GenProg swap"),
    "move-into-block": Operator(0.45, "TBar move statement"),
    "move-statement": Operator(0.4, "TBar move statement; GenProg swap"),
    "drop-else": Operator(0.3, "TBar remove condition; Kali"),
    "if-to-elif": Operator(0.5, "TBar mutate conditional"),
    "elif-to-if": Operator(0.5, "TBar mutate conditional"),
    "swap-jump": Operator(0.45, "TBar mutate return; PraPR"),
    "replace-return": Operator(0.7, "TBar mutate return statement"),
    "missing-return": Operator(0.9, "TBar mutate return statement; PySStuBs"),
    "swap-assignment": Operator(0.7, "mutmut; ManySStuBs4J change binary operator"),
    "assign-to-append": Operator(0.5, "TBar mutate method; PySStuBs"),
    "while-or-if": Operator(0.35, "SPR; TBar mutate conditional"),
    "loop-over": Operator(0.35, "ELIXIR; TBar mutate argument"),
    "exception-class": Operator(0.5, "TBar mutate data type; PySStuBs"),
    "mutable-default": Operator(0.8, "ruff B006; PyTER"),
    "replace-default": Operator(0.35, "TBar mutate literal"),
    "missing-nonlocal": Operator(1.0, "PySStuBs"),
    # pieces of the version before the change
    "base-piece": Operator(8.0, "SapFix and Getafix: revert a part first"),
    "restore-base": Operator(5.0, "SapFix: revert the hunk first; GenProg insert from history (HDRepair)"),
}

KEEP = "keep"
SPECIFIC_LAST = ("base-piece", "restore-base")
"""Operators that say where a text comes from, not what it does: any other name for the same edit is preferred."""


def weigh(operator: str, factor: float) -> float:
    """The weight of one candidate."""
    return OPERATORS[operator].prior * factor


def keep_share(suspiciousness: float) -> float:
    """The probability that a line stays as it is: nearly all for a line that no failing run blames."""
    return 0.95 - 0.65 * min(max(suspiciousness, 0.0), 1.0)


def logprobs(weights: list[float], keep: float) -> list[float]:
    """Natural logarithms of the candidates' probabilities, which share what `keep` leaves."""
    total = sum(weights)
    return [math.log(weight / total * (1.0 - keep)) for weight in weights]
