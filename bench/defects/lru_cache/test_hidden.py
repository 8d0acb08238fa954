import random

from function import LRUCache


def test_agrees_with_a_list():
    source = random.Random(8)
    for size in (1, 2, 3):
        cache, order, values = LRUCache(size), [], {}
        for step in range(300):
            key = source.randrange(5)
            if source.random() < 0.5:
                cache.put(key, step)
                values[key] = step
                order = [k for k in order if k != key] + [key]
                for gone in order[:-size]:
                    del values[gone]
                order = order[-size:]
            else:
                assert cache.get(key, "none") == values.get(key, "none")
                if key in values:
                    order = [k for k in order if k != key] + [key]
            assert len(cache.items) <= size
