from tagging.order import tidy


def test_case():
    assert tidy(["zoo", "Apple", "apple"]) == ["Apple", "zoo"]
    assert tidy(["b", "A", "C"]) == ["A", "b", "C"]
