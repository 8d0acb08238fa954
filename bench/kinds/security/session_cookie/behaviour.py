from websession.cookie import dump_session, load_session


def test_plain_sessions():
    for data in ({}, {"a": None}, {"name": "Zoë", "n": 1.5, "deep": {"x": [True]}}):
        assert load_session(dump_session(data)) == data
    assert load_session("bm90IGpzb24=") == {}
