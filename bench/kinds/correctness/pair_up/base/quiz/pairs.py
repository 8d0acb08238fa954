"""Who plays against whom."""


def rounds(players):
    """Pairs of players in order; the last one of an odd number plays against nobody (None)."""
    waiting = iter(players)
    for first in waiting:
        yield first, next(waiting, None)


def table(players):
    return [f"{one} - {other or 'bye'}" for one, other in rounds(players)]
