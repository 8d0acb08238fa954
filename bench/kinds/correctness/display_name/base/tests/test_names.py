from contacts.names import display_name, sort_key


def test_names():
    assert display_name(" ada", "Lovelace ") == "ada Lovelace"
    assert display_name("ada", "Lovelace", short=True) == "A. Lovelace"
    assert display_name("", "") == "(no name)"
    assert sort_key("B", " a") == ("a", "b")
