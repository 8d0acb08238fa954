import xml.sax

import pytest

from feeds.reader import read_titles


def test_entities_of_xml_itself():
    assert read_titles(b"<r><title>a &amp; b &lt;c&gt;</title></r>") == ["a & b <c>"]


def test_broken_feeds():
    with pytest.raises(xml.sax.SAXParseException):
        read_titles(b"<r>")
