from function import parse_query


def test_pairs():
    assert parse_query("a=1&b=2") == {"a": "1", "b": "2"}


def test_leading_question_mark():
    assert parse_query("?a=1") == {"a": "1"}


def test_value_with_equals():
    assert parse_query("x=a=b") == {"x": "a=b"}


def test_key_alone():
    assert parse_query("debug&x=1") == {"debug": "", "x": "1"}


def test_plus_is_a_space():
    assert parse_query("q=two+words") == {"q": "two words"}


def test_empty_parts():
    assert parse_query("&&a=1&") == {"a": "1"}
