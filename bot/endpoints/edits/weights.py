"""The table of operators: what each does, which repair work it comes from, and how much is given to it beforehand.

Priors are weights per candidate, not shares: a rule that yields many candidates lowers their factors itself.
They started from how often such fixes were found (ManySStuBs4J, MSR 2020; PySStuBs, MSR 2021; TBar, ISSTA 2019;
PAR, ICSE 2013) and were then fitted, held close to that start, to which edit repairs the defects of bench/defects,
QuixBugs (SPLASH 2017) and half of HumanEvalFix (OctoPack, ICLR 2024); the other half was kept for checking. Edits
that often pass weak tests for the wrong reason stay low: deletions, constant returns, special cases (Kali, ISSTA
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
    "swap-comparison": Operator(4.0, "TBar mutate operator; PraPR; ManySStuBs4J change operator"),
    "chain-comparison": Operator(0.35, "TBar mutate conditional; ManySStuBs4J more or less specific if"),
    "swap-boolean": Operator(3.0, "TBar mutate operator; PraPR"),
    "drop-clause": Operator(0.57, "TBar remove condition; ManySStuBs4J less specific if"),
    "add-clause": Operator(0.27, "TBar add condition; PAR; ManySStuBs4J more specific if; Nopol"),
    "negate-condition": Operator(0.65, "GenProg mutation; Kali; PraPR negate conditional"),
    "replace-condition": Operator(0.22, "Nopol; Angelix; ELIXIR"),
    "empty-or-none": Operator(0.62, "PAR null check; PyTER"),
    "float-equality": Operator(0.80, "ManySStuBs4J change caller; ruff RUF069"),
    # arithmetic
    "swap-arithmetic": Operator(0.81, "GenProg mutation; PraPR; mutmut"),
    "swap-operands": Operator(1.0, "PraPR; ManySStuBs4J change operand"),
    "drop-operand": Operator(1.5, "PraPR; Cardumen"),
    "regroup": Operator(0.86, "TBar mutate operator (precedence)"),
    "off-by-one": Operator(1.0, "TBar mutate literal and argument; ELIXIR; DeepBugs"),
    "clamp": Operator(0.48, "PAR range checker"),
    "add-operand": Operator(0.13, "ManySStuBs4J change operand; ELIXIR; Cardumen"),
    "negate-number": Operator(0.24, "PraPR; ManySStuBs4J change unary operator"),
    "round-up": Operator(0.96, "Cardumen; the common slip of integer division"),
    "or-default": Operator(0.14, "PyTER default value; PAR null checker"),
    "constant-to-variable": Operator(0.47, "TBar mutate literal; ELIXIR"),
    # constants
    "replace-constant": Operator(1.2, "TBar mutate literal; ManySStuBs4J change numeric, boolean"),
    "replace-string": Operator(0.53, "PySStuBs change string literal"),
    "string-format": Operator(0.39, "PySStuBs change string literal"),
    "replace-collection": Operator(0.49, "Cardumen; TBar mutate literal"),
    "aliased-rows": Operator(1.8, "PySStuBs; the common Python slip of shared inner lists"),
    "drop-element": Operator(0.15, "TBar mutate literal; PAR parameter remover"),
    "add-slice": Operator(0.22, "Cardumen; PAR range checker"),
    "initial-value": Operator(0.28, "PAR object initializer; TBar mutate literal"),
    # names
    "replace-variable": Operator(0.51, "TBar mutate variable; VarMisuse; ManySStuBs4J change identifier"),
    "replace-attribute": Operator(1.4, "PySStuBs change attribute used; TBar mutate field"),
    "missing-self": Operator(1.3, "PySStuBs; PyTER"),
    "drop-self": Operator(0.60, "PySStuBs"),
    # calls
    "swap-callee": Operator(
        0.75, "TBar mutate method name; PAR method replacer; ManySStuBs4J wrong function name"
    ),
    "unwrap-call": Operator(0.41, "TBar; Cardumen"),
    "wrap-call": Operator(0.16, "PyTER type conversion; TypeFix; TBar mutate data type"),
    "add-call": Operator(0.24, "ELIXIR method call insertion; PySStuBs add function around expression"),
    "swap-arguments": Operator(1.1, "DeepBugs; TBar mutate argument; ManySStuBs4J swap arguments"),
    "drop-argument": Operator(0.39, "PAR parameter remover; ManySStuBs4J same function less args"),
    "add-argument": Operator(0.62, "PAR parameter adder; ManySStuBs4J same function more args"),
    "reuse-expression": Operator(0.24, "GenProg; Cardumen; ELIXIR"),
    "return-constant": Operator(0.07, "Kali; kept low: the typical over-fitted patch"),
    # subscripts and displays
    "replace-index": Operator(0.63, "TBar mutate literal"),
    "swap-indices": Operator(1.0, "DeepBugs swapped operands"),
    "missing-key": Operator(0.54, "PyTER key check; PyTy"),
    "replace-slice": Operator(0.63, "TBar mutate argument; PAR range checker"),
    "index-to-slice": Operator(0.19, "Cardumen"),
    "slice-to-index": Operator(0.20, "Cardumen"),
    "drop-subscript": Operator(0.24, "Cardumen"),
    "swap-branches": Operator(0.89, "PraPR negate conditional"),
    "drop-branch": Operator(0.20, "Kali; TBar remove condition"),
    "drop-filter": Operator(0.49, "TBar remove condition"),
    "add-filter": Operator(0.48, "TBar add condition; PAR"),
    "swap-elements": Operator(1.3, "DeepBugs swapped arguments"),
    "missing-await": Operator(1.2, "PySStuBs; ruff RUF006"),
    "drop-await": Operator(0.40, "PyTER"),
    "swap-yield": Operator(0.81, "PySStuBs; TBar mutate return"),
    "late-binding": Operator(1.4, "ruff B023"),
    # statements
    "delete-statement": Operator(0.12, "GenProg delete; Kali; kept low: deletes pass weak tests"),
    "early-return": Operator(0.07, "PAR null and range checker; TBar insert missed statement; PyTER"),
    "early-continue": Operator(0.12, "PAR; TBar insert missed statement"),
    "wrap-in-condition": Operator(0.10, "PAR null checker; TBar insert null check; SPR add guard"),
    "insert-statement": Operator(0.17, "GenProg insert; TBar insert missed statement; PAR object initializer"),
    "insert-copy": Operator(0.21, "GenProg insert; Prophet copy and replace"),
    "move-out-of-block": Operator(0.71, "TBar move statement; GenProg swap"),
    "move-into-block": Operator(0.35, "TBar move statement"),
    "move-statement": Operator(0.19, "TBar move statement; GenProg swap"),
    "drop-else": Operator(0.29, "TBar remove condition; Kali"),
    "else-to-elif": Operator(0.33, "TBar mutate conditional; ManySStuBs4J more specific if"),
    "if-to-elif": Operator(0.48, "TBar mutate conditional"),
    "elif-to-if": Operator(0.49, "TBar mutate conditional"),
    "swap-jump": Operator(0.57, "TBar mutate return; PraPR"),
    "replace-return": Operator(0.87, "TBar mutate return statement"),
    "missing-return": Operator(0.68, "TBar mutate return statement; PySStuBs"),
    "swap-assignment": Operator(0.94, "mutmut; ManySStuBs4J change binary operator"),
    "assign-to-append": Operator(0.50, "TBar mutate method; PySStuBs"),
    "while-or-if": Operator(0.33, "SPR; TBar mutate conditional"),
    "loop-over": Operator(0.33, "ELIXIR; TBar mutate argument"),
    "exception-class": Operator(0.52, "TBar mutate data type; PySStuBs"),
    "mutable-default": Operator(0.92, "ruff B006; PyTER"),
    "replace-default": Operator(0.34, "TBar mutate literal"),
    "missing-nonlocal": Operator(1.0, "PySStuBs"),
    # security: proposed for a finding about security alone, and above all else there
    "query-parameters": Operator(60.0, "OWASP query parameterization; bandit B608"),
    "query-name": Operator(60.0, "OWASP SQL injection prevention: allow-list of names"),
    "argument-list": Operator(60.0, "bandit B602; ruff S602, S605"),
    "quote-argument": Operator(60.0, "Python documentation of shlex.quote"),
    "refuse-option": Operator(50.0, "CWE-88; POSIX utility syntax"),
    "end-of-options": Operator(50.0, "CWE-88; POSIX utility syntax"),
    "safe-loader": Operator(60.0, "bandit B301, B307, B506; ruff S301, S307, S506"),
    "plain-expression": Operator(60.0, "CWE-95: allow-list of syntax; Python documentation of ast.literal_eval"),
    "plain-data": Operator(60.0, "Python documentation of pickle: restricting globals"),
    "safe-xml": Operator(60.0, "bandit B313 to B320; defusedxml"),
    "refuse-entities": Operator(50.0, "OWASP XML external entity prevention"),
    "verify-peer": Operator(60.0, "bandit B501, B323; ruff S501, S323"),
    "add-timeout": Operator(60.0, "bandit B113; ruff S113"),
    "unpredictable": Operator(60.0, "bandit B311; ruff S311; PEP 506"),
    "strong-digest": Operator(60.0, "bandit B303, B324; ruff S324"),
    "slow-digest": Operator(60.0, "OWASP password storage"),
    "constant-time": Operator(60.0, "Python documentation of hmac.compare_digest"),
    "private-file": Operator(60.0, "bandit B306, B108; ruff S306"),
    "unique-file": Operator(60.0, "bandit B108; ruff S108"),
    "narrow-mode": Operator(60.0, "bandit B103; ruff S103"),
    "inside-folder": Operator(60.0, "CWE-22; OWASP path traversal"),
    "plain-name": Operator(50.0, "CWE-22; OWASP path traversal"),
    "safe-members": Operator(60.0, "bandit B202; PEP 706"),
    "same-host": Operator(60.0, "CodeQL py/incomplete-url-substring-sanitization"),
    "own-host": Operator(60.0, "CodeQL py/partial-ssrf"),
    "web-address": Operator(55.0, "bandit B310; ruff S310"),
    "outer-address": Operator(55.0, "OWASP server side request forgery prevention"),
    "verify-token": Operator(60.0, "PyJWT documentation; CWE-347"),
    "local-redirect": Operator(60.0, "CodeQL py/url-redirection"),
    "escape-markup": Operator(60.0, "bandit B701, B704; ruff S701, S704"),
    "template-value": Operator(60.0, "CodeQL py/template-injection"),
    "refuse-fields": Operator(60.0, "CWE-134; Python documentation of str.format"),
    "plain-replace": Operator(50.0, "CWE-134"),
    "one-line": Operator(60.0, "CodeQL py/log-injection, py/http-response-splitting"),
    "refuse-line-break": Operator(50.0, "CodeQL py/http-response-splitting"),
    "linear-pattern": Operator(60.0, "CodeQL py/redos; OWASP ReDoS"),
    "length-limit": Operator(50.0, "OWASP ReDoS"),
    # performance: proposed for a finding about times alone
    "set-membership": Operator(60.0, "Perflint; Python wiki: time complexity"),
    "seen-set": Operator(60.0, "Python wiki: time complexity"),
    "no-keys": Operator(40.0, "ruff SIM118"),
    "index-by-key": Operator(60.0, "hash join; GSO and SWE-Perf optimisations"),
    "count-once": Operator(60.0, "Python wiki: time complexity"),
    "first-place": Operator(60.0, "Python wiki: time complexity"),
    "prefix-sums": Operator(60.0, "PIE (ICLR 2024)"),
    "hoist-call": Operator(55.0, "Perflint W8201; loop-invariant code motion"),
    "one-query": Operator(60.0, "the N+1 queries problem"),
    "join-pieces": Operator(55.0, "PEP 8; Python wiki: PerformanceTips"),
    "grow-in-place": Operator(60.0, "Perflint; Python wiki: PerformanceTips"),
    "comprehension": Operator(50.0, "ruff PERF401"),
    "min-or-max": Operator(60.0, "ruff FURB192"),
    "sort-once": Operator(60.0, "PIE (ICLR 2024)"),
    "double-ended": Operator(60.0, "Python documentation of collections.deque"),
    "no-list": Operator(50.0, "ruff C419, PERF101"),
    "no-copy": Operator(50.0, "GSO and SWE-Perf optimisations"),
    "memo-inside": Operator(60.0, "PIE (ICLR 2024)"),
    "lazy-log": Operator(60.0, "ruff G004; Python logging how-to"),
    "square-root": Operator(60.0, "PIE (ICLR 2024)"),
    "stop-early": Operator(50.0, "PIE (ICLR 2024)"),
    # pieces of the version before the change
    "base-piece": Operator(30.0, "SapFix and Getafix: revert a part first"),
    "restore-base": Operator(18.0, "SapFix: revert the hunk first; GenProg insert from history (HDRepair)"),
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
