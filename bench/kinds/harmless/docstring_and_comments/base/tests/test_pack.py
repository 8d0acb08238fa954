from bits.pack import pack, unpack


def test_round():
    assert pack([True, False, True]) == 5 and unpack(5, 4) == [True, False, True, False]
    assert pack([]) == 0
