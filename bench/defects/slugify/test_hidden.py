import random
import re

from function import slugify


def test_agrees_with_a_pattern():
    source = random.Random(16)
    for _ in range(300):
        title = "".join(source.choice("abC1 -_.") for _ in range(source.randrange(20)))
        words = re.findall(r"[a-z0-9]+", title.lower())
        assert slugify(title, 1000) == "-".join(words)
        for limit in range(12):
            taken = 0
            while taken < len(words) and len("-".join(words[: taken + 1])) <= limit:
                taken += 1
            assert slugify(title, limit) == "-".join(words[:taken])
