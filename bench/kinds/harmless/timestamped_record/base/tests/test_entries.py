from journal.entries import entry


def test_entry():
    made = entry(" hi ", ["b", "a", "b"])
    assert made["text"] == "hi" and made["tags"] == ["a", "b"]
