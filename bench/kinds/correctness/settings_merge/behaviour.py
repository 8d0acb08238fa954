from deploy.settings import merged


def test_empty_section():
    assert merged({"web": {"port": 80}}, {"web": None}) == {"web": {"port": 80}}
    assert merged({}, {"x": {}}) == {"x": {}}
