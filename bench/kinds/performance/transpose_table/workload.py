ROWS = [[(n * m) % 100 for m in range(40)] for n in range(800)]


def run(module):
    return len(module.columns(ROWS))
