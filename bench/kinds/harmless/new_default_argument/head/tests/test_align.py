from tabular.align import align


def test_align():
    assert align([["a", 1], ["bbb", 22]]) == "a    1\nbbb  22" and align([]) == ""
    assert align([["a", 1]], gap=1) == "a 1"
