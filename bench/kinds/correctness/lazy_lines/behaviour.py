from itertools import chain, repeat

from streams.records import records


def test_the_first_record_comes_at_once():
    def lines():
        yield from ("a", "---")
        raise RuntimeError("read too far")

    assert next(records(lines())) == ["a"]
