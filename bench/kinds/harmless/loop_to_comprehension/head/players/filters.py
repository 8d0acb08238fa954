"""Choosing players."""


def eligible(players, minimum=18, banned=()):
    """Names of players that are old enough and not banned, in order."""
    return [p["name"] for p in players if p["age"] >= minimum and p["name"] not in banned]


def by_team(players):
    teams = {}
    for player in players:
        teams.setdefault(player["team"], []).append(player["name"])
    return teams
