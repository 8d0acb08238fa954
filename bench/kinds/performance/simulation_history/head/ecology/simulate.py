"""Foxes and rabbits."""

import copy


def step(state):
    """The next year's numbers."""
    rabbits, foxes = state["rabbits"], state["foxes"]
    return {
        "rabbits": max(0, rabbits + rabbits // 4 - foxes),
        "foxes": max(0, foxes + rabbits // 50 - foxes // 3),
        "year": state["year"] + 1,
        "regions": state["regions"],
    }


def history(start, years):
    """The states of all years, the start first; the start itself is not touched."""
    states = [copy.deepcopy(start)]
    for _ in range(years):
        states.append(step(copy.deepcopy(states[-1])))
    return states
