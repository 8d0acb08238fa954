from players.filters import by_team, eligible

PLAYERS = [{"name": "a", "age": 20, "team": 1}, {"name": "b", "age": 17, "team": 1}, {"name": "c", "age": 30, "team": 2}]


def test_players():
    assert eligible(PLAYERS) == ["a", "c"] and eligible(PLAYERS, 16, ["a"]) == ["b", "c"]
    assert by_team(PLAYERS) == {1: ["a", "b"], 2: ["c"]}
