from contacts.names import display_name


def test_without_first_name():
    assert display_name("", "Plato", True) == "Plato"
    assert display_name("  ", "", True) == "(no name)"
