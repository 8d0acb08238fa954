"""Patterns: what backtracks for seconds lands, by measured time; what is linear, or cut short before, does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from attacked import judged

from bot.languages.python.attacks.pumping import pumps

RED = {
    "nested": "import re\ndef valid(text):\n    return re.match(r'^(\\w+\\s?)*$', text) is not None\n",
    "constant": """
        import re
        NAME = re.compile(r"^([a-zA-Z0-9]+[._-]?)*@example.com$")
        def known(address):
            return bool(NAME.match(address))
    """,
    "cubic": "import re\ndef f(line):\n    return re.search(r'^.*,.*,.*,.*;$', line)\n",
    "of_class": """
        import re
        class Parser:
            ITEM = re.compile(r'''
                ^\\s*            # start
                (?:\\d+ ,? )+    # numbers
                ;$
            ''', re.VERBOSE)
            def parse(self, text):
                return self.ITEM.match(text)
    """,
    "items": "import re\ndef f(data):\n    return re.sub(r'(x+x+)+y', '', data['text'])\n",
    "listed": "import re\ndef f(lines: list[str]):\n    return [x for x in lines if re.match('(a*)*b', x)]\n",
}
GREEN = {
    "plain": "import re\ndef f(x):\n    return re.fullmatch(r'[a-z]+(-[a-z]+)*', x)\n",
    "words": "import re\ndef f(x):\n    return re.findall(r'\\w+', x)\n",
    "short": """
        import re
        def f(x):
            if len(x) > 20:
                raise ValueError("too long")
            return re.match(r"(\\w\\w+)+$", x)
    """,
    "unused": """
        import re
        BAD = re.compile(r"(a+)+$")
        GOOD = re.compile(r"a+$")
        def f(x):
            return GOOD.match(x)
    """,
    "number": "import re\ndef f(x: int):\n    return re.match('(a+)+$', str(x))\n",
    "date": "import re\ndef f(x):\n    return re.match(r'(\\d{4})-(\\d\\d)-(\\d\\d)$', x)\n",
    "ends_anyway": "import re\ndef f(x):\n    return re.match(r'(\\w+\\s?)*', x)\n",
    "quoted": 'import re\ndef f(x):\n    return re.search(r\'"(?:[^"\\\\]|\\\\.)*"\', x)\n',
}


@pytest.mark.thorough
def test_patterns_that_backtrack_land(tmp_path: Path) -> None:
    judged(tmp_path, RED, GREEN, "regular-expression")


@pytest.mark.parametrize(
    ("pattern", "search", "pump", "kind"),
    [
        (r"^(a+)+$", False, "a", "nested"),
        (r"(a|a)*b", False, "a", "nested"),
        (r"^(?:a|ab|b)*c$", False, "ab", "nested"),
        (r"^(x+x+)+y", False, "xx", "nested"),
        (r"^.*a.*b.*c$", False, "ab", "neighbours"),
        (r"^\d+\d+x$", False, "0", "neighbours"),
        (r"\s+$", True, " ", "trim"),
    ],
)
def test_a_pump_is_read_off_a_pattern(pattern: str, search: bool, pump: str, kind: str) -> None:
    assert pump in {each.pump for each in pumps(pattern, search=search) if each.kind == kind}


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[a-z]+$",
        r"\w+",
        r"(\d+)\.(\d+)",
        r"^(?:[a-z]+-)*[a-z]+$",
        r"^(foo|bar)+$",
        r"[^,]*,",
        "(",
        r"\s+x",
        r"^v?\d+(\.\d+)*$",
    ],
)
def test_a_pattern_that_can_match_in_one_way_only_has_none(pattern: str) -> None:
    assert pumps(pattern) == ()
