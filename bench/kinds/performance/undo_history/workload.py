ACTIONS = [("insert", n, "x") for n in range(15000)]


def run(module):
    return len(module.undo_steps(ACTIONS))
