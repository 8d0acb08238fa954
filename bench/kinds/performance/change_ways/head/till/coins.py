"""Counting change."""

COINS = (1, 2, 5, 10, 20, 50)


def ways(cents, kinds=len(COINS)):
    """In how many ways an amount can be paid with the first kinds of coins."""
    if cents == 0:
        return 1
    if cents < 0 or kinds == 0:
        return 0
    return ways(cents - COINS[kinds - 1], kinds) + ways(cents, kinds - 1)


def hardest(amounts):
    """The amount with the most ways."""
    return max(amounts, key=ways)
