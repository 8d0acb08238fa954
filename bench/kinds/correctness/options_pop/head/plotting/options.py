"""Options of a plot's axes."""


def axis_options(options):
    """Range, label and the remaining options of an axis."""
    low = options.pop("low", 0)
    high = options.pop("high", low + 1)
    label = options.pop("label", "")
    return {"range": (low, high), "label": label, "rest": options}
