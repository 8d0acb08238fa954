from plotting.options import axis_options


def test_options():
    assert axis_options({"low": 2, "label": "x", "log": True}) == {
        "range": (2, 3),
        "label": "x",
        "rest": {"log": True},
    }
    assert axis_options({}) == {"range": (0, 1), "label": "", "rest": {}}
