"""Alert rules over readings of a host."""

import operator

COMPARISONS = {"<": operator.lt, ">": operator.gt, "==": operator.eq, "<=": operator.le, ">=": operator.ge}


def parse_reading(line):
    """`host cpu=0.5 disk=80` as (host, values)."""
    host, *pairs = line.split()
    return host, {name: float(value) for name, _, value in (pair.partition("=") for pair in pairs)}


def matches(rule, values):
    """Whether a rule like `disk > 90` holds for the readings of a host."""
    rule = rule.strip()
    if not rule or rule.startswith("#"):
        return False
    try:
        return bool(eval(rule, {}, values))
    except NameError:
        return False


def alerts(rules, line):
    """The rules that hold for one line of readings."""
    host, values = parse_reading(line)
    return [f"{host}: {rule}" for rule in rules if matches(rule, values)]
