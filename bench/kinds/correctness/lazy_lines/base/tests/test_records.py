from streams.records import records


def test_records():
    assert list(records(["a\n", "b\n", "---\n", "---\n", "c"])) == [["a", "b"], ["c"]]
    assert list(records([])) == []
