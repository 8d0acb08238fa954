from games.board import Leaderboard


def test_ties_and_sizes():
    assert Leaderboard(1).top_after_each([2, 2, 1]) == [2, 2, 2]
    assert Leaderboard(9).top_after_each([-1, 4]) == [-1, 3]
