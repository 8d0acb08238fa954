LINKS = {0: list(range(1, 60000))}


def run(module):
    return len(module.reachable(LINKS, 0))
