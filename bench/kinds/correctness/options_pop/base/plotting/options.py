"""Options of a plot's axes."""


def axis_options(options):
    """Range, label and the remaining options of an axis."""
    low = options.get("low", 0)
    high = options.get("high", low + 1)
    rest = {name: value for name, value in options.items() if name not in ("low", "high", "label")}
    return {"range": (low, high), "label": options.get("label", ""), "rest": rest}
