"""What a version reads around it, and whether tests replaced it, which another process does not see."""

import ast
import builtins
import os
import types

MISSING = object()
ENVIRONMENT = frozenset(["environ", "environb", "getenv"])


def reads(source):
    """Dotted names that a text reads, shortest first: {"os", "os.path", ...}; empty where it cannot be parsed."""
    try:
        tree = ast.parse("if 1:\n" + source if source[:1].isspace() else source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    found = set()
    for node in ast.walk(tree):
        names = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            names.append(node.id)
            names.reverse()
            found.update(".".join(names[: count + 1]) for count in range(len(names)))
    return found


class Watch:
    """What stood, when this was made, behind names that a version reads and the function before it does not.

    Names that both read are left alone: whether replacing them is seen, the function's own run has shown.
    """

    def __init__(self, version, before, space):
        self.places = []
        self.environment = None
        for name in sorted(reads(version) - reads(before)):
            *way, last = name.split(".")
            where = self.follow(way, space)
            if where is not None:
                self.places.append((name, where, last, where.get(last, MISSING)))
            if last in ENVIRONMENT:
                self.environment = environment()

    @staticmethod
    def follow(way, space):
        """The dictionary in which a name's last part is looked up: a module's or a class's; None for others."""
        if not way:
            return space
        value = space.get(way[0], MISSING)
        value = vars(builtins).get(way[0], MISSING) if value is MISSING else value
        for part in way[1:]:
            value = vars(value).get(part, MISSING) if type(value) is types.ModuleType else MISSING
        return vars(value) if type(value) in (types.ModuleType, type) else None

    def changed(self):
        """The name behind which something else stands now, or ''."""
        for name, where, last, was in self.places:
            if where.get(last, MISSING) is not was:
                return name
        return "os.environ" if self.environment is not None and self.environment != environment() else ""


def environment():
    """The environment, but for what pytest itself changes from test to test."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
