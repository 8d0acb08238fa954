ITEMS = [(f"i{n}", n % 7 + 1, n) for n in range(400)]


def run(module):
    return len(module.Stock(ITEMS).shares())
