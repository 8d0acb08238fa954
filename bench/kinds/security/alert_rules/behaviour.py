from monitor.rules import matches


def test_comparisons():
    values = {"cpu": 0.5}
    assert [matches(f"cpu {sign} 0.5", values) for sign in ("<", ">", "==", "<=", ">=")] == [
        False, False, True, True, True,
    ]
    assert not matches("   ", values)
