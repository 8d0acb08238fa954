"""What families look for in a function's text besides calls: words of its names, constants that it reads."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache

from bot.languages.python.attacks.subject import Subject, Target, reachable
from bot.languages.python.functions import AnyFunction

STRANGERS = "that the argument can come from a stranger is not shown"
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
ROUTES = re.compile(r"(^|\.)(route|get|post|put|patch|delete|websocket|api_view|view_config)\(")


def listed(text: str) -> frozenset[str]:
    """A set of words out of a text with blanks between them."""
    return frozenset(text.split())


@cache
def words(name: str) -> frozenset[str]:
    """The words of an identifier, in small letters: `resetToken` and `reset_token` give `reset` and `token`."""
    return frozenset(word.lower() for word in WORD.findall(name))


def nodes_of(subject: Subject) -> list[AnyFunction]:
    """The function, and those of its file in which one of its sites lies."""
    inside = {site.inside for site in subject.sites}
    others = [node for node, _ in reachable(subject.tree.body, None) if node.name in inside]
    return [subject.node, *(node for node in others if node is not subject.node)]


def globals_of(subject: Subject) -> Mapping[str, ast.expr]:
    """The module's and the class's own constants that these functions read, with what they are assigned."""
    assigned: dict[str, ast.expr] = {}
    bodies = [subject.tree.body] + ([subject.klass.body] if subject.klass is not None else [])
    for body in bodies:
        for node in body:
            if isinstance(node, ast.Assign):
                assigned |= {each.id: node.value for each in node.targets if isinstance(each, ast.Name)}
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                assigned[node.target.id] = node.value
    read: set[str] = set()
    for function in nodes_of(subject):
        for inner in ast.walk(function):
            if isinstance(inner, ast.Name):
                read.add(inner.id)
            elif isinstance(inner, ast.Attribute):
                read.add(inner.attr)
    return {name: value for name, value in assigned.items() if name in read}


def texts_of(subject: Subject) -> Iterator[str]:
    """The constant texts of these functions and of the constants that they read; docstrings left out."""
    for root in (*nodes_of(subject), *globals_of(subject).values()):
        docstrings = {
            id(each.value)
            for each in ast.walk(root)
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)
        }
        for each in ast.walk(root):
            if isinstance(each, ast.Constant) and id(each) not in docstrings:
                if isinstance(each.value, str):
                    yield each.value
                elif isinstance(each.value, bytes):
                    yield each.value.decode("latin-1")


def names_in(root: ast.AST) -> Iterator[str]:
    """Every name and attribute in a piece of code."""
    for each in ast.walk(root):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
        elif isinstance(each, ast.arg):
            yield each.arg


def from_a_request(subject: Subject, target: Target | None) -> bool:
    """Whether the text says that a stranger chooses the value: a route, or an item of a request."""
    if any(ROUTES.search(decorator) for decorator in subject.function.decorators):
        return True
    return target is not None and target.label.startswith(("request.", "req.", "self.request."))


def sender_names(subject: Subject, *origins: str) -> tuple[str, ...]:
    """Names under which the file knows something that it imports, by the last part of what it stands for."""
    return tuple(name for name, origin in subject.names.items() if origin.rpartition(".")[2] in origins)
