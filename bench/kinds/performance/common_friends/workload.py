PAIRS = [("a", f"p{n}") for n in range(1500)] + [("b", f"p{n}") for n in range(1000, 2500)]


def run(module):
    graph = module.Graph()
    graph.friends = {"a": [p for who, p in PAIRS if who == "a"], "b": [p for who, p in PAIRS if who == "b"]}
    return graph.common_friends("a", "b")
