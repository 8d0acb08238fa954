from games.board import Leaderboard


def test_sums():
    assert Leaderboard(2).top_after_each([5, 1, 7, 6]) == [5, 6, 12, 13]
    assert Leaderboard().top_after_each([]) == []
