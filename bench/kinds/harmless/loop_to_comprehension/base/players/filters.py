"""Choosing players."""


def eligible(players, minimum=18, banned=()):
    """Names of players that are old enough and not banned, in order."""
    names = []
    for player in players:
        if player["age"] >= minimum and player["name"] not in banned:
            names.append(player["name"])
    return names


def by_team(players):
    teams = {}
    for player in players:
        teams.setdefault(player["team"], []).append(player["name"])
    return teams
