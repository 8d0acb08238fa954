ORDERS = [{"number": f"no-{n}"} for n in range(3000)] * 2


def run(module):
    return len(module.without_repeats(ORDERS))
