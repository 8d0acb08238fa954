"""Alert rules over readings of a host."""

import operator

COMPARISONS = {"<": operator.lt, ">": operator.gt, "==": operator.eq, "<=": operator.le, ">=": operator.ge}


def parse_reading(line):
    """`host cpu=0.5 disk=80` as (host, values)."""
    host, *pairs = line.split()
    return host, {name: float(value) for name, _, value in (pair.partition("=") for pair in pairs)}
