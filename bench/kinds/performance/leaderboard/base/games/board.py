"""Best scores of a game."""

import bisect


class Leaderboard:
    """Scores, best first."""

    def __init__(self, size=3):
        self.size = size

    def top_after_each(self, scores):
        """The sum of the best scores after each one that comes in."""
        ordered, sums = [], []
        for score in scores:
            bisect.insort(ordered, -score)
            sums.append(-sum(ordered[: self.size]))
        return sums
