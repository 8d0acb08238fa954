"""Values without parts that can be met again, as nodes and back: numbers, texts, dates, paths and the like."""

import datetime
import decimal
import fractions
import pathlib
import uuid

WIDE = 1 << 62
"""Whole numbers beyond it are told in hexadecimal."""
PATHS = {kind.__name__: kind for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path()))}


class NotPlain(Exception):
    """A value cannot cross; the text says which."""


class Garbled(Exception):
    """What came is no node: the other side does not keep to the form."""


def kind_name(kind):
    """A class in words."""
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else "%s.%s" % (module, kind.__qualname__)


def text_node(value):
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # halves of surrogate pairs: JSON would join those that stand together
        return ["u", value.encode("utf-8", "surrogatepass").hex()]
    return value


def whole(*values):
    """The values, which are to be whole numbers. Raises TypeError."""
    if not all(type(value) is int for value in values):
        raise TypeError
    return values


def zone(packer, value):
    """The node of a date's time zone."""
    if value is None or type(value) is datetime.timezone:
        return packer.pack(value)
    raise NotPlain("a time zone of class %s" % kind_name(type(value)))


def zone_back(unpacker, node):
    value = unpacker.unpack(node)
    if value is not None and type(value) is not datetime.timezone:
        raise TypeError
    return value


def moment(packer, value):
    clock = [value.hour, value.minute, value.second, value.microsecond]
    return ["M", value.year, value.month, value.day, *clock, value.fold, zone(packer, value.tzinfo)]


def moment_back(unpacker, *parts):
    *clock, fold, node = parts
    return datetime.datetime(*whole(*clock)).replace(tzinfo=zone_back(unpacker, node), fold=whole(fold)[0])


def clock(packer, value):
    return ["C", value.hour, value.minute, value.second, value.microsecond, value.fold, zone(packer, value.tzinfo)]


def clock_back(unpacker, *parts):
    *numbers, fold, node = parts
    return datetime.time(*whole(*numbers)).replace(tzinfo=zone_back(unpacker, node), fold=whole(fold)[0])


def offset(packer, value):
    span = value.utcoffset(None)
    name = value.tzname(None)
    ordinary = datetime.timezone(span).tzname(None) == name
    return ["Z", span.days, span.seconds, span.microseconds, None if ordinary else packer.pack(name)]


def offset_back(unpacker, days, seconds, micro, name):
    span = datetime.timedelta(*whole(days, seconds, micro))
    if not span and name is None:
        return datetime.timezone.utc
    return datetime.timezone(span) if name is None else datetime.timezone(span, unpacker.unpack(name))


def big(unpacker, text):
    sign = -1 if text.startswith("-") else 1
    return sign * int(text.lstrip("-"), 16)


def path_back(unpacker, name, text):
    return PATHS[name](unpacker.unpack(text))


def three(unpacker, *parts):
    one, two, step = (unpacker.unpack(part) for part in parts)
    return slice(one, two, step)


def stretch(unpacker, *parts):
    one, two, step = whole(*(unpacker.unpack(part) for part in parts))
    return range(one, two, step)


def ratio(unpacker, *parts):
    above, below = whole(*(unpacker.unpack(part) for part in parts))
    return fractions.Fraction(above, below)


def three_nodes(tag):
    return lambda packer, v: [tag, packer.pack(v.start), packer.pack(v.stop), packer.pack(v.step)]


def real(value):
    """A float that is one. Raises TypeError."""
    if type(value) is not float:
        raise TypeError
    return value


def text(value):
    """A text that is one. Raises TypeError."""
    if type(value) is not str:
        raise TypeError
    return value


LEAVES = {
    bytes: lambda packer, v: ["b", v.hex()],
    complex: lambda packer, v: ["c", v.real, v.imag],
    type(Ellipsis): lambda packer, v: ["E"],
    type(NotImplemented): lambda packer, v: ["N"],
    range: three_nodes("R"),
    slice: three_nodes("S"),
    datetime.datetime: moment,
    datetime.date: lambda packer, v: ["Y", v.year, v.month, v.day],
    datetime.time: clock,
    datetime.timedelta: lambda packer, v: ["L", v.days, v.seconds, v.microseconds],
    datetime.timezone: offset,
    decimal.Decimal: lambda packer, v: ["x", str(v)],
    fractions.Fraction: lambda packer, v: ["q", packer.pack(v.numerator), packer.pack(v.denominator)],
    uuid.UUID: lambda packer, v: ["U", "%x" % v.int],
}
for _kind in PATHS.values():
    LEAVES[_kind] = lambda packer, v: ["p", type(v).__name__, packer.pack(str(v))]

BUILDERS = {
    "n": big,
    "u": lambda unpacker, v: bytes.fromhex(v).decode("utf-8", "surrogatepass"),
    "b": lambda unpacker, v: bytes.fromhex(v),
    "c": lambda unpacker, r, i: complex(real(r), real(i)),
    "E": lambda unpacker: Ellipsis,
    "N": lambda unpacker: NotImplemented,
    "R": stretch,
    "S": three,
    "M": moment_back,
    "Y": lambda unpacker, *parts: datetime.date(*whole(*parts)),
    "C": clock_back,
    "L": lambda unpacker, *parts: datetime.timedelta(*whole(*parts)),
    "Z": offset_back,
    "x": lambda unpacker, v: decimal.Decimal(text(v)),
    "q": ratio,
    "U": lambda unpacker, v: uuid.UUID(int=int(text(v), 16)),
    "p": path_back,
}
