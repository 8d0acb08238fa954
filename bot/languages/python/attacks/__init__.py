"""Exploits as test modules: payloads for each weakness that the text of a function gives a reason for."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Sequence

from bot.domain import Call, Function
from bot.kinds import Attack
from bot.languages import Files, Unparsable
from bot.languages.python import functions
from bot.languages.python.attacks import commands, evaluation, further, markup, sql
from bot.languages.python.attacks.subject import Subject, subject_of, with_callee

Family = Callable[[Subject], Iterator[Attack]]

FAMILIES: tuple[Family, ...] = (
    commands.commands,
    evaluation.evaluation,
    evaluation.deserialising,
    evaluation.templates,
    sql.sql,
    markup.documents,
    markup.formats,
    *further.FURTHER,
)
"""Every family, in no order that matters."""
MOST = 6
"""Attacks on one function, the most severe first."""
SEVERITIES = ("critical", "high", "medium", "low")


def attacks(function: Function, text: str, files: Files, calls: Sequence[Call]) -> tuple[Attack, ...]:
    """See `Language.attacks`.

    A function that takes no text itself is attacked through those of its file that call it.
    """
    subject = subject_of(function, text, files, calls)
    if subject is not None and subject.targets:
        return chosen([subject])
    return chosen(([subject] if subject is not None else []) + callers(function, text, files))


def chosen(subjects: Sequence[Subject]) -> tuple[Attack, ...]:
    """One attack for each weakness and parameter, the most severe first, as many as are tried."""
    found: dict[tuple[str, str], Attack] = {}
    for subject in subjects:
        for family in FAMILIES:
            for attack in family(subject):
                found.setdefault((attack.rule, attack.parameter), attack)
    ordered = sorted(found.values(), key=lambda attack: SEVERITIES.index(attack.severity))
    return tuple(ordered[:MOST])


def callers(function: Function, text: str, files: Files) -> list[Subject]:
    """Functions of the same file that call this one, or that it is defined in, as subjects of their own."""
    name = function.qualname.rpartition(".")[2].partition("@")[0]
    found = []
    for other in every(function.path, text):
        around = function.qualname.startswith(f"{other.qualname}.<locals>.")
        if other.qualname == function.qualname or not (around or calls_it(other, name)):
            continue
        subject = subject_of(other, text, files, ())
        if subject is not None and subject.targets:
            found.append(with_callee(subject, name))
    return found[:2]


@functools.lru_cache(maxsize=8)
def every(path: str, text: str) -> tuple[Function, ...]:
    """Every function of a file; kept, because a change touches several of one."""
    return functions.functions(path, text)


def calls_it(other: Function, name: str) -> bool:
    """Whether a function calls another one by its name, or by it on `self`."""
    if name not in other.source:
        return False
    try:
        node = functions.parse_function(other.source)
    except Unparsable:
        return False
    for call in ast.walk(node):
        match call:
            case ast.Call(func=ast.Name(id=called)) if called == name:
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self" | "cls"), attr=called)) if called == name:
                return True
    return False
