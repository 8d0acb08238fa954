import itertools
import random

from function import Trie


def test_agrees_with_a_set():
    source = random.Random(1)
    every = ["".join(p) for n in range(1, 4) for p in itertools.product("abc", repeat=n)]
    for _ in range(40):
        words = set(source.sample(every, source.randrange(12)))
        trie = Trie()
        for word in words:
            trie.insert(word)
        for word in every:
            assert trie.contains(word) == (word in words)
        for prefix in ["", "a", "ab", "ca", "b"]:
            assert trie.starting_with(prefix) == sorted(w for w in words if w.startswith(prefix))
