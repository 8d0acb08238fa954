import itertools
import random

from function import shortest_path


def brute(graph, start, goal, nodes):
    if start == goal:
        return 1
    for size in range(0, len(nodes) - 1):
        for middle in itertools.permutations([n for n in nodes if n not in (start, goal)], size):
            path = [start, *middle, goal]
            if all(b in graph.get(a, []) for a, b in zip(path, path[1:])):
                return len(path)
    return None


def test_lengths_agree_with_brute_force():
    source = random.Random(3)
    nodes = list(range(5))
    for _ in range(60):
        graph = {n: [m for m in nodes if m != n and source.random() < 0.3] for n in nodes if source.random() < 0.9}
        for goal in nodes:
            path = shortest_path(graph, 0, goal)
            assert (len(path) if path else None) == brute(graph, 0, goal, nodes)
