"""Who plays against whom."""


def rounds(players):
    """Pairs of players in order; the last one of an odd number plays against nobody (None)."""
    waiting = iter(players)
    for first in waiting:
        second = next(waiting)
        yield first, second


def table(players):
    return [f"{one} - {other or 'bye'}" for one, other in rounds(players)]
