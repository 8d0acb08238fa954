from search.marking import mark


def test_cases():
    assert mark(["Tea TEA"], ["tea"], "_") == ["_Tea_ _TEA_"]
    assert mark(["a+b a"], ["", "a"]) == ["**a**+b **a**"]
    assert mark(iter(["q"]), ["q"]) == ["**q**"]
