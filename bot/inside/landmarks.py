"""Values that stood in the modules before the processes parted: each side has its own, and both know it by number.

Markers (`MISSING = object()`), compiled patterns, functions without a name of their own, the members of a family
of tokens: what is no plain data, and is meant by being itself. The tests' process gives any of them; it takes from
the other one only what compares as the interpreter does and is of the repository's code outside of its tests.
"""

import os
import sys
import types

from tryline_inside import atoms, kinds, plain

MAX_VALUES = 30_000
MAX_DEPTH = 6
PASSED_OVER = (bool, int, float, str, type(None), types.ModuleType, *plain.TAGS, *atoms.LEAVES)


class Repository:
    """Which modules are the repository's, and which of them hold tests; by real paths."""

    def __init__(self, root, tests):
        self.root = root + os.sep
        self.tests = tests
        self.known = {}

    def code(self, module):
        """Whether a module, by its name, is of the repository's code outside of its tests."""
        if not isinstance(module, str):
            return False
        if module not in self.known:
            file = file_of(sys.modules.get(module))
            self.known[module] = file.startswith(self.root) and not self.is_test(file)
        return self.known[module]

    def is_test(self, file):
        """Whether a file holds tests or what only they use."""
        name = os.path.basename(file)
        return file in self.tests or name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py")


def file_of(module):
    """A module's real path; '' where it has none. What stands in for a lazy module is not woken."""
    file = (kinds.space_of(module) or {}).get("__file__")
    return os.path.realpath(file) if isinstance(file, str) else ""


class Landmarks:
    """The values by number, and the numbers by identity."""

    def __init__(self, repository):
        self.repository = repository
        self.values = []
        self.numbers = {}
        mine = [(file_of(module), name, module) for name, module in list(sys.modules.items())]
        mine = [(file, name, module) for file, name, module in mine if file.startswith(repository.root)]
        mine.sort(key=lambda one: one[1])
        for tests in (False, True):  # what tests import from the code is the code's
            self.add_all([vars(module) for file, _, module in mine if repository.is_test(file) is tests])
            if not tests:
                self.own = len(self.values)

    def add_all(self, spaces):
        """Numbers what modules hold by name, then what classes and instances of the repository's code hold."""
        for _ in range(MAX_DEPTH):
            below = []
            for space in spaces:
                for value in list(space.values()):
                    kind = type(value)
                    if kind in PASSED_OVER or id(value) in self.numbers or len(self.values) >= MAX_VALUES:
                        continue
                    self.numbers[id(value)] = len(self.values)
                    self.values.append(value)
                    of = value if kinds.is_class(value) else kind
                    if self.repository.code(of.__dict__.get("__module__")):
                        below.append((vars(value) if of is value else kinds.space_of(value)) or {})
            spaces = below

    def value(self, number, trusted):
        """The value of a number. Raises Garbled, and NotPlain for one that only who is trusted may name."""
        if type(number) is not int or not 0 <= number < len(self.values):
            raise plain.Garbled("no such landmark")
        value = self.values[number]
        if not trusted and not (number < self.own and self.is_harmless(value)):
            raise plain.NotPlain("a value of class %s that was there before" % atoms.kind_name(type(value)))
        return value

    def is_harmless(self, value):
        """Whether the other process may choose this value: one that is not equal to what the tests expect."""
        kind = type(value)
        if kinds.is_class(value):
            return kind is type and not kinds.is_judges(value) and self.repository.code(value.__module__)
        if kind is types.FunctionType:
            return self.repository.code(value.__module__)
        return kinds.is_usual(kind) and not kinds.is_judges(kind) and not callable(value)
