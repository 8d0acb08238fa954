EVENTS = [(f"article {n % 120}", 1) for n in range(500)]


def run(module):
    return module.snapshots(EVENTS)[-1]
