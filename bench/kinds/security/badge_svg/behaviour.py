from xml.etree import ElementTree

from ci.badges import badge


def test_texts_are_kept():
    for label in ("build", "a & b", "x < y"):
        texts = [element.text for element in ElementTree.fromstring(badge(label, "failed")) if element.text]
        assert texts == [label, "failed"]
    assert badge("ab", "c").count('width="41"') == 1
