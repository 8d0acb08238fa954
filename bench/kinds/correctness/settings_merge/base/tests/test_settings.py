from deploy.settings import merged


def test_merge():
    defaults = {"web": {"port": 80, "host": "x"}}
    assert merged(defaults, {"web": {"port": 8080}, "db": {"name": "d"}}) == {
        "web": {"port": 8080, "host": "x"},
        "db": {"name": "d"},
    }
    assert defaults == {"web": {"port": 80, "host": "x"}}
    assert merged(defaults, None) == defaults
