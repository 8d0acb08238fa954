import random
from collections import Counter

from function import summarise_log

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]


def test_agrees_with_a_counter():
    source = random.Random(23)
    for _ in range(100):
        entries = [(source.choice(LEVELS), source.choice("abc")) for _ in range(source.randrange(12))]
        lines = [f"{level} {name}: text: more" for level, name in entries]
        for number, level in enumerate(LEVELS):
            counts = Counter(name for found, name in entries if LEVELS.index(found) >= number)
            expected = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            assert list(summarise_log(lines, level).items()) == expected
