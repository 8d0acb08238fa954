"""Best scores of a game."""

class Leaderboard:
    """Scores, best first."""

    def __init__(self, size=3):
        self.size = size

    def top_after_each(self, scores):
        """The sum of the best scores after each one that comes in."""
        seen, sums = [], []
        for score in scores:
            seen.append(score)
            ranking = sorted(seen, key=lambda value: -value)
            sums.append(sum(ranking[: self.size]))
        return sums
