"""Rewrites for security and speed as whole modules: what is proposed for the function `f` of a module's text."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from bot.domain import Category, ChangedFunction, Finding, Function, Severity, Witness
from bot.endpoints.edits import Edits
from bot.languages.python.policy import violations


@dataclass(frozen=True)
class Proposed:
    """One rewrite of a module's function."""

    operator: str
    source: str
    module: str
    imports: tuple[str, ...]
    refused: tuple[str, ...]
    """What the policy says against it."""

    def run(self, **given: Any) -> Any:
        """The function, as it is after the rewrite; `given` stands in the place of what it imports."""
        return loaded(self.module, **given)


def loaded(module: str, **given: Any) -> Any:
    """The function `f` of a module's text."""
    space: dict[str, Any] = {"__name__": "m"}
    exec(compile(module, "m.py", "exec"), space)
    space.update(given)
    return space["f"]


def proposed(module: str, category: Category = Category.SECURITY, cwe: int = 0) -> list[Proposed]:
    """Everything that is proposed, without repetitions, likeliest first."""
    module = dedent(module).lstrip("\n")
    node = next(n for n in ast.walk(ast.parse(module)) if isinstance(n, ast.FunctionDef) and n.name == "f")
    lines = module.split("\n")
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    source = "\n".join(lines[first - 1 : node.end_lineno])
    function = Function("m.py", "f", first, node.end_lineno or first, node.lineno, node.body[0].lineno, source)
    changed = ChangedFunction(function, None, (), "modified")
    witness = Witness("attack", ("t",), "pytest", "landed")
    finding = Finding("rule", category, Severity.HIGH, changed, first, first, "title", "message", witness, cwe=cwe)
    rows = Edits().all_proposals(function, source, module, None, finding=finding)
    found: dict[str, Proposed] = {}
    for _, proposal in sorted(rows, key=lambda row: -row[1].logprob):
        edit = proposal.edit
        assert edit is not None
        new = source.split("\n")
        new[edit.start - 1 : edit.end - 1] = edit.lines
        text = "\n".join(new)
        after = [*lines[: first - 1], text, *lines[node.end_lineno or first :]]
        whole = "\n".join([*proposal.imports, *after])
        refused = violations(source, text, proposal.imports, module)
        found.setdefault(text, Proposed(proposal.operator, text, whole, proposal.imports, refused))
    return list(found.values())


def one(module: str, piece: str, category: Category = Category.SECURITY, cwe: int = 0) -> Proposed:
    """The likeliest rewrite whose text holds a piece."""
    every = proposed(module, category, cwe)
    found = next((rewrite for rewrite in every if piece in rewrite.source), None)
    assert found is not None, "\n\n".join(f"# {r.operator}\n{r.source}" for r in every) or "nothing is proposed"
    return found
