SCORES = [(n * 7919) % 10007 for n in range(700)]


def run(module):
    return module.Leaderboard(5).top_after_each(SCORES)
