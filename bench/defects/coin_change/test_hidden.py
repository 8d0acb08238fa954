from functools import lru_cache

from function import coin_change


def test_agrees_with_recursion():
    for coins in ([1], [2, 5], [3, 7, 10], [1, 5, 6, 9], []):

        @lru_cache(None)
        def slow(amount):
            if amount == 0:
                return 0
            rest = [slow(amount - c) for c in coins if c <= amount]
            return 1 + min((r for r in rest if r is not None), default=10**9) if any(r is not None for r in rest) else None

        for amount in range(30):
            expected = slow(amount)
            assert coin_change(coins, amount) == (-1 if expected is None else expected)
