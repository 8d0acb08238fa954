ROWS = [("customer " + "x" * 150, n, n * 2) for n in range(4000)]


def run(module):
    return len(module.report("big", ROWS))
