from websession.cookie import dump_session, load_session


def test_round_trip():
    assert load_session(dump_session({"user": 7, "cart": [1, 2]})) == {"user": 7, "cart": [1, 2]}


def test_rubbish_is_an_empty_session():
    assert load_session("") == {}
    assert load_session("???") == {}
    assert load_session(dump_session([1])) == {}
