"""Titles out of partners' feeds."""

import io
import xml.sax
import xml.sax.handler


class Titles(xml.sax.handler.ContentHandler):
    """Collects the text of every <title>."""

    def __init__(self):
        super().__init__()
        self.titles = []
        self._inside = False

    def startElement(self, name, attrs):
        if name == "title":
            self._inside = True
            self.titles.append("")

    def endElement(self, name):
        if name == "title":
            self._inside = False

    def characters(self, content):
        if self._inside:
            self.titles[-1] += content


def read_titles(data):
    """Titles of a feed, in order."""
    handler = Titles()
    parser = xml.sax.make_parser()
    parser.setContentHandler(handler)
    parser.parse(io.BytesIO(data))
    return [title.strip() for title in handler.titles if title.strip()]
