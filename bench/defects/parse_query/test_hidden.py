from function import parse_query


def test_round_trip():
    for count in range(6):
        pairs = {f"k{n}": "v" * n for n in range(count)}
        text = "&".join(f"{k}={v}" for k, v in pairs.items())
        assert parse_query(text) == pairs
        assert parse_query("?" + text) == pairs


def test_last_wins():
    assert parse_query("a=1&a=2&a=3") == {"a": "3"}


def test_only_the_first_mark_goes():
    assert parse_query("??a=b?") == {"?a": "b?"}
    assert parse_query("") == {}
