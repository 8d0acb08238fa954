from changelog.subjects import subject


def test_subjects():
    assert subject("fix(api): close files\n\nbody") == "close files"
    assert subject("\n  Plain ") == "Plain"
    assert subject("x" * 80) == "x" * 69 + "..."
