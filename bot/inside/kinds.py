"""What is to be known of a class to make its instances from outside: whether attributes are all that they are."""

import contextlib
import enum
import sys
import types

from tryline_inside import atoms

SIMPLE = {}
WORD = object.__basicsize__ // 2
HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class that a `class` statement made, or one like it
JUDGES = frozenset(["unittest", "pytest", "_pytest", "pluggy", "hypothesis", "nose", "mock", "tryline_inside"])
"""Whose classes have a meaning of their own for tests: none of theirs is made because the other side says so."""


def named(module, path):
    """The object of this name among what is imported already; nothing is run for it. Raises NotPlain."""
    found = sys.modules.get(module) if isinstance(module, str) else None
    if found is None or not isinstance(path, str):
        raise atoms.NotPlain("%s.%s is not known here" % (module, path))
    for part in path.split("."):
        space = getattr(found, "__dict__", None)
        found = space.get(part) if space is not None else None
        if found is None:
            raise atoms.NotPlain("%s.%s is not known here" % (module, path))
    return found


def is_class(value):
    """Whether a value is a class, whatever it says of itself."""
    return issubclass(type(value), type)


def is_judges(kind):
    """Whether a class, or one that it derives from, belongs to what judges tests."""
    return any(str(base.__module__).split(".")[0] in JUDGES for base in kind.__mro__)


def state_slots(kind):
    """Names of the slots of a class's instances, mangled as the class does."""
    found = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__"):
                private = name.startswith("__") and not name.endswith("__")
                found.append("_%s%s" % (base.__name__.lstrip("_"), name) if private else name)
    return found


def is_usual(kind):
    """Whether a class compares as the interpreter does, or as a decorator made it."""
    return all(
        method in COMPARISONS or getattr(getattr(method, "__code__", None), "co_filename", "").startswith("<")
        for method in (kind.__eq__, kind.__ne__)
    )


COMPARISONS = tuple(method for kind in (object, tuple, int, str, float) for method in (kind.__eq__, kind.__ne__))


def is_simple(kind):
    """Whether instances are nothing but attributes: classes that `class` statements made, down to `object`."""
    known = SIMPLE.get(kind)
    if known is None:
        known = SIMPLE[kind] = (
            kind is not object
            and not issubclass(kind, (type, enum.Enum))
            and kind.__itemsize__ == 0
            and kind.__basicsize__ <= object.__basicsize__ + WORD * (2 + len(state_slots(kind)))
            and all(is_made_here(base) for base in kind.__mro__)
        )
    return known


def is_made_here(kind):
    """Whether a class is `object`, or came of Python code and has no C code of its own that makes instances."""
    if kind is object or kind.__module__ == "typing":
        return True
    makes = kind.__dict__.get("__new__")
    return kind.__flags__ & HEAP and (makes is None or isinstance(makes, (staticmethod, types.FunctionType)))


def is_named_tuple(kind):
    """Whether a class is a named tuple that compares as tuples do."""
    return (
        issubclass(kind, tuple)
        and isinstance(kind.__dict__.get("_fields") or getattr(kind, "_fields", None), tuple)
        and kind.__eq__ is tuple.__eq__
    )


def space_of(value):
    """The dictionary of an instance's attributes, or None where it has none."""
    try:
        space = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return space if type(space) is dict else None


def state_of(value):
    """{name: value} of the attributes that an instance has of its own."""
    state = dict(space_of(value) or {})
    for name in state_slots(type(value)):
        try:
            state[name] = object.__getattribute__(value, name)
        except AttributeError:
            continue
    return state


def give_state(value, state):
    """Makes these the attributes of an instance, past its own `__setattr__`. Raises Garbled."""
    slots = state_slots(type(value))
    space = space_of(value)
    if space is not None:
        space.clear()
        space.update((name, item) for name, item in state.items() if name not in slots)
    elif not set(state) <= set(slots):
        raise atoms.Garbled("attributes that the class has no room for")
    for name in slots:
        if name in state:
            object.__setattr__(value, name, state[name])
        else:
            with contextlib.suppress(AttributeError):
                object.__delattr__(value, name)
