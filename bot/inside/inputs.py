"""Arguments derived from recorded ones: small, typed changes, the same for equal seeds.

After Hypothesis's and QuickCheck's shrink-and-grow moves, but around captured values (reference inputs keep the
shape that callers really use), and with the standard library alone.
"""

import random

MAX_DEPTH = 3


def derive(values, rnd):
    """A copy of an argument list with one to three places changed. The input must be a fresh copy already."""
    out = list(values)
    places = [i for i, v in enumerate(out) if changeable(v)]
    if not places:
        return out
    for _ in range(rnd.choice((1, 1, 1, 2, 3))):
        index = rnd.choice(places)
        out[index] = change(out[index], rnd, MAX_DEPTH)
    return out


def changeable(value):
    """Whether `change` knows what to do with a value."""
    if type(value) in (bool, int, float, str, bytes, list, tuple, dict, set, frozenset):
        return True
    return type(getattr(value, "__dict__", None)) is dict and bool(value.__dict__) and not isinstance(value, type)


def change(value, rnd, depth):
    """One changed version of a value, of the same type."""
    kind = type(value)
    if kind is bool:
        return not value
    if kind is int:
        return rnd.choice(
            (
                value + 1,
                value - 1,
                value + 2,
                value - 2,
                -value,
                0,
                1,
                value * 2,
                value // 2,
                value + 10,
                rnd.randint(-20, 20),
            )
        )
    if kind is float:
        return rnd.choice(
            (value + 1.0, value - 1.0, -value, 0.0, value * 2, value / 2, value + 0.5, float(rnd.randint(-9, 9)))
        )
    if kind in (str, bytes):
        return change_text(value, rnd)
    if kind in (list, tuple):
        return kind(change_sequence(list(value), rnd, depth))
    if kind in (set, frozenset):
        try:
            return kind(change_sequence(sorted(value, key=repr), rnd, depth))
        except TypeError:
            return value
    if kind is dict:
        return change_dict(dict(value), rnd, depth)
    state = getattr(value, "__dict__", None)
    if type(state) is dict and depth > 0:
        names = [n for n in state if changeable(state[n]) and type(state[n]) is not type(value)]
        if names:
            name = rnd.choice(sorted(names))
            state[name] = change(state[name], rnd, depth - 1)
    return value


def change_text(value, rnd):
    """A string or bytes with a part removed, doubled, moved, or a character replaced by another."""
    if not value:
        return rnd.choice(("a", " ", "a b", "0")) if isinstance(value, str) else b"a"
    i, j = sorted((rnd.randrange(len(value) + 1), rnd.randrange(len(value) + 1)))
    move = rnd.randrange(8)
    if move == 0:
        return value[:i] + value[j:]
    if move == 1:
        return value + value[i:j]
    if move == 2:
        return value[::-1]
    if move == 3:
        return value[:0]
    if move == 4:
        return value[:i] + value[j:] + value[i:j]
    if move == 5 and isinstance(value, str):
        return value[:i] + rnd.choice(" aA0-_,.") + value[i:]
    if move == 6:
        return value.upper() if rnd.random() < 0.5 else value.lower()
    k = rnd.randrange(len(value))
    other = value[rnd.randrange(len(value)) :][:1]
    return value[:k] + other + value[k + 1 :]


def change_sequence(items, rnd, depth):
    """A list with an element dropped, doubled, moved, changed; or emptied, reversed, cut."""
    if not items:
        return items
    move = rnd.randrange(9)
    k = rnd.randrange(len(items))
    if move == 0:
        del items[k]
    elif move == 1:
        items.insert(k, items[rnd.randrange(len(items))])
    elif move == 2:
        items.reverse()
    elif move == 3:
        items = items[:k]
    elif move == 4:
        items = []
    elif move == 5:
        items.insert(rnd.randrange(len(items)), items.pop(k))
    elif depth > 0 and changeable(items[k]):
        items[k] = change(items[k], rnd, depth - 1)
    else:
        items = items[:1]
    return items


def change_dict(value, rnd, depth):
    """A dict with an entry dropped or changed, or emptied."""
    if not value:
        return value
    keys = list(value)
    key = rnd.choice(keys)
    move = rnd.randrange(4)
    if move == 0:
        del value[key]
    elif move == 1 and len(keys) > 1:
        value[key] = value[rnd.choice(keys)]
    elif changeable(value[key]) and depth > 0:
        value[key] = change(value[key], rnd, depth - 1)
    else:
        value.clear()
    return value


def generator(seed, *parts):
    """A random number generator for one input, independent of how many were made before."""
    return random.Random("%s:%s" % (seed, ":".join(str(part) for part in parts)))
