"""Documents that read files or grow, and formats that walk through objects."""

from __future__ import annotations

from pathlib import Path

from attacked import judged

SAX = """
    import io
    import xml.sax
    import xml.sax.handler
    class Names(xml.sax.handler.ContentHandler):
        def __init__(self):
            super().__init__()
            self.found = []
        def characters(self, text):
            self.found.append(text)
    def names(document):
        handler, parser = Names(), xml.sax.make_parser()
        parser.setFeature(xml.sax.handler.feature_external_ges, EXTERNAL)
        parser.setContentHandler(handler)
        parser.parse(SOURCE)
        return "".join(handler.found)
"""
EXPAT = """
    import os
    from xml.parsers import expat
    def text(document: str) -> str:
        found = []
        parser = expat.ParserCreate()
        parser.CharacterDataHandler = found.append
        def outside(context, base, system, public):
            with open(system) as stream:
                inner = parser.ExternalEntityParserCreate(context)
                inner.Parse(stream.read(), True)
            return 1
        HANDLER
        parser.Parse(document, True)
        return "".join(found)
"""
READ = {
    "sax_file": SAX.replace("EXTERNAL", "True").replace("SOURCE", "document"),
    "sax_text": SAX.replace("EXTERNAL", "True").replace("SOURCE", "io.StringIO(document)"),
    "sax_dict": SAX.replace("EXTERNAL", "1")
    .replace("SOURCE", "document")
    .replace('return "".join(handler.found)', 'return {"names": handler.found}'),
    "expat": EXPAT.replace("HANDLER", "parser.ExternalEntityRefHandler = outside"),
}
NOT_READ = {
    "sax": SAX.replace("EXTERNAL", "False").replace("SOURCE", "document"),
    "expat": EXPAT.replace("HANDLER", "pass"),
    "tree": "import xml.etree.ElementTree as ET\ndef f(text):\n    return ET.fromstring(text)\n",
    "minidom": "from xml.dom import minidom\ndef f(text):\n    return minidom.parseString(text)\n",
    "path": "import xml.etree.ElementTree as ET\ndef f(path):\n    return ET.parse(path).getroot().tag\n",
}
WALKED = {
    "keyword": """
        KEY = "secret"
        class User:
            def __init__(self, name="x"):
                self.name = name
        def greet(template, user: User):
            return template.format(user=user)
    """,
    "position": """
        class User:
            def __init__(self, name):
                self.name = name
        def greet(text: str, user: "User") -> str:
            return text.format(user)
    """,
    "self": """
        class Job:
            def __init__(self, name="x"):
                self.name = name
            def label(self, pattern):
                return pattern.format(job=self)
    """,
    "made": """
        class Event:
            def __init__(self, level, text):
                self.level, self.text = level, text
        def line(pattern, level, text):
            return pattern.format(event=Event(level, text))
    """,
}
NOT_WALKED = {
    "plain": "def f(template, name):\n    return template.format(name=name)\n",
    "constant": "def f(name):\n    return 'hello {}'.format(name)\n",
    "replaced": """
        class User:
            def __init__(self, name="x"):
                self.name = name
        def greet(template, user: User):
            return template.replace("{user.name}", user.name)
    """,
    "dollar": """
        import string
        class User:
            def __init__(self, name="x"):
                self.name = name
        def greet(template, user: User):
            return string.Template(template).safe_substitute(name=user.name)
    """,
    "checked": """
        import re
        class User:
            def __init__(self, name="x"):
                self.name = name
        def greet(template, user: User):
            if re.search(r"{[^}]*[.\\\\[]", template):
                raise ValueError(template)
            return template.format(user=user)
    """,
}


GROWN = {
    "naive": """
        import re
        try:
            import lxml.etree
        except ImportError:
            pass
        def fromstring(text):
            entities = dict(re.findall(r'<!ENTITY (\\w+) "([^"]*)">', text))
            body = text.split("]>")[1]
            while "&" in body:
                body = re.sub("&(\\w+);", lambda found: entities[found.group(1)], body)
            return body
        def titles(document: str) -> str:
            return fromstring(document)
    """,
}
NOT_GROWN = {
    "limited_by_expat": "import xml.etree.ElementTree as ET\ndef f(text):\n    return ET.fromstring(text)\n",
    "refused": """
        import xml.etree.ElementTree as ET
        try:
            import lxml.etree
        except ImportError:
            pass
        def f(text: str):
            if "<!DOCTYPE" in text:
                raise ValueError("no document types")
            return ET.fromstring(text)
    """,
    "limited_again": """
        import xml.etree.ElementTree as ET
        try:
            import lxml.etree
        except ImportError:
            pass
        def f(text: str):
            return ET.fromstring(text)
    """,
    "short_text": "from xml.dom import minidom\ndef f(text):\n    return minidom.parseString(text).toxml()\n",
}


def test_a_document_that_grows_lands(tmp_path: Path) -> None:
    judged(tmp_path, GROWN, {f"safe_{case}": text for case, text in NOT_GROWN.items()}, "xml-entity-expansion")


def test_a_document_that_reads_files_lands(tmp_path: Path) -> None:
    judged(tmp_path, READ, {f"safe_{case}": text for case, text in NOT_READ.items()}, "xml-external-entity")


def test_a_format_that_walks_through_objects_lands(tmp_path: Path) -> None:
    judged(tmp_path, WALKED, {f"safe_{case}": text for case, text in NOT_WALKED.items()}, "format-string")
