"""Depend: who mentions whom, by name; and one digest for a function with all that it may reach.

Static and by bare name: `cart.total()` may reach every function called `total`. That is more than is run, and so
the digest changes rather too often than too seldom. What is called by a name that is made at run time is not seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.domain import Function
from bot.languages import Language, Unparsable

Graph = Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class Dependence:
    """What the names in functions tell, by function id."""

    callers: Mapping[str, int]
    """How many other functions mention it."""
    digests: Mapping[str, str]
    """Equal while the function and everything that it may reach in these functions are the same."""


def depend(functions: Sequence[Function], languages: Mapping[str, Language], own: Mapping[str, str]) -> Dependence:
    """The dependence among functions; `languages` and `own` go by path: `own` is a digest of what of the file
    belongs to no function, on which each of its functions depends as well.

    Linear in functions, mentions and definitions: names are nodes of their own.
    """
    names: dict[str, int] = {}
    edges: dict[int, list[int]] = {number: [] for number in range(len(functions))}
    mentioned: dict[str, set[int]] = {}
    texts: dict[int, str] = {}

    def node(name: str) -> int:
        number = names.setdefault(name, len(functions) + len(names))
        edges.setdefault(number, [])
        return number

    known: set[str] = set()
    called: list[tuple[str, ...]] = []
    for number, function in enumerate(functions):
        bare = function.qualname.partition("@")[0].rpartition(".")[2]
        aliases = (bare, *languages[function.path].classes(function))
        called.append(aliases)
        known.update(aliases)
        texts[number] = f"{own[function.path]}\0{function.qualname}\0{function.source}"
        for name in aliases:
            edges[node(name)].append(number)
    for number, function in enumerate(functions):
        try:
            mentions = languages[function.path].mentions(function.source)
        except Unparsable:
            continue
        for name in sorted(mentions & known):
            edges[number].append(node(name))
            mentioned.setdefault(name, set()).add(number)
    callers = {
        function.id: len(set().union(*(mentioned.get(name, set()) for name in called[number])) - {number})
        for number, function in enumerate(functions)
    }
    digests = reached(edges, texts)
    return Dependence(callers, {function.id: digests[number] for number, function in enumerate(functions)})


def reached(edges: Graph, texts: Mapping[int, str]) -> dict[int, str]:
    """One digest for each node over the texts of all nodes that can be reached from it, itself included.

    A circle is one thing: the digest of a component is made of its members' texts and of the components that it
    leads to (a Merkle tree over the condensation).
    """
    digests: dict[int, str] = {}
    for component in components(edges):
        inside = set(component)
        below = {digests[target] for number in component for target in edges[number] if target not in inside}
        digest = hashlib.sha256()
        for text in (*sorted(texts.get(number, "") for number in component), "\0", *sorted(below)):
            data = text.encode("utf-8", "surrogatepass")
            digest.update(f"{len(data)}:".encode() + data)
        for number in component:
            digests[number] = digest.hexdigest()
    return digests


def components(edges: Graph) -> list[list[int]]:
    """The strongly connected components, each after those that it leads to (Tarjan 1972, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    waiting: set[int] = set()
    found: list[list[int]] = []
    for root in edges:
        if root in index:
            continue
        work = [(root, 0)]
        while work:
            number, step = work.pop()
            if step == 0:
                index[number] = low[number] = len(index)
                stack.append(number)
                waiting.add(number)
            targets = edges[number]
            if step > 0:
                low[number] = min(low[number], low[targets[step - 1]])
            while step < len(targets):
                target = targets[step]
                step += 1
                if target not in index:
                    work += [(number, step), (target, 0)]
                    break
                if target in waiting:
                    low[number] = min(low[number], index[target])
            else:
                if low[number] == index[number]:
                    component: list[int] = []
                    while not component or component[-1] != number:
                        component.append(stack.pop())
                        waiting.discard(component[-1])
                    found.append(component)
    return found
