SALES = [{"region": f"r{n % 400}", "cents": n} for n in range(2000)]


def run(module):
    return module.by_region(SALES)
