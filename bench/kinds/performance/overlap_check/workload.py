BOOKINGS = [(f"r{n % 50}", n, n + 100) for n in range(3000)]


def run(module):
    return [module.is_free(BOOKINGS, f"r{n}", 0, 200) for n in range(40)]
