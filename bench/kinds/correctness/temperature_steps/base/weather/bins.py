"""Temperatures in bins of some degrees."""


def bin_of(degrees, width=5):
    """Lower end of the bin: 7.2 -> 5, -0.1 -> -5."""
    return int(degrees // width) * width


def histogram(values, width=5):
    bins = {}
    for value in values:
        bins[bin_of(value, width)] = bins.get(bin_of(value, width), 0) + 1
    return dict(sorted(bins.items()))
