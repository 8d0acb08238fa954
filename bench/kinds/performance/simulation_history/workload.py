START = {"rabbits": 100, "foxes": 5, "year": 0, "regions": [{"name": f"r{n}", "size": [n]} for n in range(40)]}


def run(module):
    return [s["rabbits"] for s in module.history(START, 60)]
