from plotting.options import axis_options


def test_twice():
    shared = {"low": 1, "high": 5, "grid": True}
    assert axis_options(shared) == axis_options(shared)
    assert shared == {"low": 1, "high": 5, "grid": True}
