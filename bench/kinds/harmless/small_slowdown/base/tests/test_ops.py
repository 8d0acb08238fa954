from vectors.ops import dot, norm


def test_ops():
    assert dot((1, 2), (3, 4)) == 11 and norm((3, 4)) == 5.0
