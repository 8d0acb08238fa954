from function import compare_versions


def test_older_and_newer():
    assert compare_versions("1.2", "1.3") == -1
    assert compare_versions("2.0", "1.9") == 1


def test_numbers_not_texts():
    assert compare_versions("1.10", "1.9") == 1


def test_missing_parts():
    assert compare_versions("1.0", "1") == 0
    assert compare_versions("1", "1.0.1") == -1
    assert compare_versions("1.0.0", "1") == 0


def test_later_parts_count():
    assert compare_versions("1.2.3", "1.2.4") == -1
