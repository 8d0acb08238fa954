"""CWE-90: filters of a directory (LDAP) in which an argument becomes conditions of its own.

A filter is its parentheses: a payload lands when the condition that it spells stands in the filter as one. What
is escaped (RFC 4515) has no parentheses left. Filters are read where they are given back, and where a stand-in for
a connection is asked with them; no directory is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Subject

CONDITION = re.compile(r"^\s*\(+[&|!]?\(*[A-Za-z][\w.;-]*[~<>]?=|\(&|\(\|")
KNOWN = re.compile(
    r"\((objectClass|objectCategory|uid|cn|sn|ou|dc|mail|givenName|sAMAccountName|userPrincipalName|memberOf|member"
    r"|memberUid)[~<>]?=",
    re.IGNORECASE,
)
FILTERS = hints.listed("filter filters query expression condition conditions")
"""Names of parameters that are filters: who gives one means it so."""
PAYLOADS = ("zq)(zq7hit=*", "*)(zq7hit=*", "zq))(|(zq7hit=*", "zq)(|(zq7hit=zq)")

STAND_IN = '''\
class StandIn(mock.MagicMock):
    """In place of a connection: notes the filters that it is asked with. What it says of the rest is unknown."""

    def __call__(self, *args, **kwargs):
        given = [part for part in (*args, *kwargs.values()) if isinstance(part, str)]
        HITS.extend((part, place()) for part in given if part.startswith("("))
        if not any(part.startswith("(") for part in given) and "zq7hit" in repr((args, kwargs)):
            if self._mock_new_name not in HARMLESS:
                ASKED.append(self._mock_new_name)
        return super().__call__(*args, **kwargs)
'''
SENSORS = '''\
def watch(tmp_path, monkeypatch):
    pass


def filters(result):
    """(text, where) of every filter, given back or asked with."""
    given = result if isinstance(result, (list, tuple)) else [result]
    return HITS + [(each, []) for each in given if isinstance(each, str) and each.startswith("(")]


def reached(payload, result, tmp_path):
    """Whether a harmless value is one of a condition."""
    return any("=" + payload + ")" in text or "=*" + payload + "*)" in text for text, _ in filters(result))


def landed(payload, result, tmp_path):
    for text, where in filters(result):
        if "(zq7hit=" in text:
            return "a filter with a condition of its own: " + text[:100], where
    return None
'''


def directories(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that write filters of a directory."""
    texts = list(hints.texts_of(subject))
    known = subject.imports("ldap") or subject.imports("ldap3") or any(KNOWN.search(text) for text in texts)
    if not known or not any(CONDITION.search(text) for text in texts):
        return
    site = subject.site(".search", ".search_s", ".search_ext", ".search_ext_s", ".paged_search")
    for target in subject.targets:
        if target.kind == "path" or hints.words(target.label) & FILTERS:
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"let its argument `{target.label}` add conditions to a directory's filter",
                test="keeps_its_conditions",
                payloads=[repr(payload) for payload in PAYLOADS],
                sensors=SENSORS,
                benign=["'zq7file'"],
                stand_in=STAND_IN,
            ),
            rule="ldap-injection",
            cwe=90,
            title=f"`{subject.name}` lets its argument `{target.label}` change the directory's filter",
            severity="high",
            why="Whoever chooses the value decides which entries are found, and so whom a login takes him for.",
            line=site.line if site is not None else subject.node.lineno,
            limits=hints.STRANGERS,
        )
