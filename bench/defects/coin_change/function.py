def coin_change(coins, amount):
    """Fewest coins that make the amount, or -1 when none do."""
    best = [0] + [float("inf")] * amount
    for value in range(1, amount + 1):
        for coin in coins:
            if coin <= value:
                best[value] = min(best[value], best[value - coin] + 1)
    return best[amount] if best[amount] != float("inf") else -1
