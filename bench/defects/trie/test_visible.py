from function import Trie


def make(*words):
    trie = Trie()
    for word in words:
        trie.insert(word)
    return trie


def test_contains():
    trie = make("car", "cart")
    assert trie.contains("car")
    assert trie.contains("cart")
    assert not trie.contains("dog")


def test_prefix_is_no_word():
    assert not make("cart").contains("car")
    assert not make("cart").contains("carts")


def test_starting_with():
    assert make("car", "cart", "dog", "cat").starting_with("ca") == ["car", "cart", "cat"]


def test_starting_with_nothing_known():
    assert make("car").starting_with("x") == []
    assert make("b", "a").starting_with("") == ["a", "b"]
