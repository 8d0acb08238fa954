"""Hostile text in every field of a review: in what is posted it is text, and nothing else, to a real parser."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sample_proofs import ALTERED, ATTACK_MENDED, CRASH_MENDED, FASTER_MENDED, SLOWER_MENDED
from sample_pulls import FILES, HEAD, LATER, Wall
from sample_reviews import (
    CANDIDATE,
    CHANGED,
    FINDING,
    FOUND_BY_MODEL,
    FOUND_WITHOUT,
    PROPOSED,
    VERDICT,
    WITH_REWRITE,
    WITHOUT_REWRITE,
)

from bot import guarding, markers, render
from bot.domain import (
    Candidate,
    FunctionReport,
    Probe,
    Problem,
    Replacement,
    Review,
    Revision,
    Rewrite,
    Severity,
    Suspicion,
    Witness,
)
from bot.markers import Marker
from bot.plan import Dialect, Known, Memory
from bot.render import Caps
from bot.steps import comment

pytestmark = pytest.mark.thorough

MARK = "<!-- tryline:1 summary -->"
HOSTILE = (
    # people and teams
    "@admin",
    "hello @org/team, (@x) [@y] \"@z\" _@a_ *@b*",
    "x@example.com and git@github.com:o/r",
    "&#64;admin &commat;admin &#x40;admin",
    # references and closing
    "fixes #1, closes GH-2, resolves o/r#3",
    "fix https://github.com/o/r/issues/4",
    "_GH-5 aGH-6 #abc o/r@0123456789abcdef0123456789abcdef01234567 !7 $8 %9 ~label",
    "0123456789abcdef0123456789abcdef01234567 and deadbeef",
    # links, images
    "[a](https://evil) ![b](http://evil/x.png) [c]: https://evil",
    "[a]: https://evil\n\n[a]",
    "<https://evil> https://evil www.evil.com WWW.evil.com _https://evil *www.evil",
    "mailto:x@y.zz xmpp:a@b.cc ftp://x",
    "![](data:image/png;base64,AAAA)",
    "[^1]\n\n[^1]: note",
    # HTML
    "<script>alert(1)</script><img src=x onerror=y>",
    "<!-- hidden -->",
    "<!--",
    "--> <b>",
    "</details></summary>\n</details>\n\n# out",
    "<details open><summary>x",
    "&lt;b&gt; &amp; &nbsp; &#60;i&#62;",
    "<pre>", "</pre", "<a href='//x'>", "<?php", "<![CDATA[", "<!DOCTYPE x>", "<svg/onload=x>",
    # our markers and commands
    MARK,
    f"x\n\n{MARK}",
    f"```\n{MARK}\n```\n{MARK}",
    "<!-- tryline:1 finding id=0123456789ab withdrawn -->",
    "/tryline ignore 0123456789ab",
    "x\n/tryline review\n  /tryline help\n> /tryline verify abcdef\n\t/TRYLINE review",
    "/close", "x\n/merge\n/assign @me", "```\n/merge\n````\n/merge\n```\n/approve", "/label ~x\r\n/close\r",
    "`\n/close\n`", "/tableflip \n/MERGE  \n /spend 1h",
    # references of GitLab alone
    "!1 o/r!2 &3 g&4 ~5 ~bug ~\"a bug\" %6 %\"a week\" ^alert#7 *iteration:8 [issue:9] [vulnerability:o/r/1]",
    "\\~bug \\!1 &amp;3 &#38;3 `a` !1 `b` ~c",
    # mark-up
    "# heading", "x\n===", "x\n---", "***", "- item\n- item", "1. item", "> quote", "    indented", "\ttab",
    "**bold** __bold__ *it* ~~gone~~ `code` ``co`de`` \\` \\",
    "`", "``", "```", "a ` b `` c ``` d", "`unclosed", "x`\n`y",
    "```suggestion\nevil()\n```", "~~~suggestion\nevil()\n~~~", "````\n```suggestion\nx\n```",
    "````````````````\n</details>\n",
    "| a | b |\n| --- | --- |\n| x | y |", "|", "a | b", "a \\| b", "`a|b`", "`a\\|b`", "\\\\|",
    "$x$ $$y$$ $`z`$ $\\href{//evil}{x}$",
    ":tada: [!NOTE]", "[!WARNING]\n> x", "- [ ] task", "==mark== ++ins++ ^sup^",
    # what a reader does not see
    "a\u202eb\u202dc\u2066d\u2069", "\u200bx\u200d\ufeff", "\x1b[31mred\x1b[0m\x07\x00\x08", "a\rb\r\nc",
    "\u2028x\u2029y\x85z\fw\vq",
    "\ud800 lone", "\U000e0041\U000e0042 tags", "\u00ad\u034f\u115f",
    # workflow commands
    "::set-output name=x::y\n::error::z\n::add-mask::q\n##[error]x",
    "%0A::error::x",
    # templates
    "{{ review }} {% raw %} {# x #} ${{ secrets.TOKEN }} %(x)s {0}",
    # long
    "@x " * 900, "<" * 3000, "`" * 3001, "\n" * 500 + "/tryline review", "|" * 2000, "&" * 3000,
)  # fmt: skip
SECRETS = (
    "ghp_" + "a1B2c3D4" * 5,
    "AKIA" + "ABCDEFGH12345678",
    "ghp_" + "a1B2\u200bc3D4" * 5,
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "MIIEpAIBAAKCAQEA0123456789abcdef\n" * 4
    + "-----END RSA PRIVATE KEY-----",
)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
T = TypeVar("T")
KEPT = {
    # Ours, and no text of anybody else's: kinds, ids, and what a text's place in the file depends on.
    # Which proof it is decides what is shown of it: once as ours, once as a stranger's, see `placed`.
    (Witness, "kind"),
    (Rewrite, "label"), (Rewrite, "obstacle"), (Candidate, "proposer"), (Candidate, "rung"), (Revision, "commit"),
}  # fmt: skip


def poisoned(value: T, text: str, *, keep: frozenset[str] = frozenset()) -> T:
    """The value with `text` in place of every text in it, mappings' keys included; enumerations stay."""
    found: Any = value
    if isinstance(value, enum.Enum):
        return value
    if isinstance(value, str):
        found = text
    elif is_dataclass(value) and not isinstance(value, type):
        changed = {
            field.name: poisoned(getattr(value, field.name), text, keep=keep)
            for field in fields(value)
            if field.init and field.name not in keep and (type(value), field.name) not in KEPT
        }
        found = replace(value, **changed)
    elif isinstance(value, tuple):
        found = tuple(poisoned(item, text, keep=keep) for item in value)
    elif isinstance(value, Mapping):
        found = {poisoned(key, text, keep=keep): poisoned(item, text, keep=keep) for key, item in value.items()}
    return found


PROBE = Probe("test", "x = 1\n", "test_it", "It is wrong.", source="toy", fixed="y", call="f()", expected="1")
SECOND = replace(
    WITHOUT_REWRITE,
    finding=replace(PROPOSED, severity=Severity.LOW, probe=PROBE),
)
FULL = replace(
    FOUND_WITHOUT,
    findings=(WITH_REWRITE, SECOND, CRASH_MENDED, ATTACK_MENDED, SLOWER_MENDED, FASTER_MENDED),
    problems=(Problem("slug", "message", "log"),),
    unproven=(Suspicion("r", FINDING.category, CHANGED, "m", ("t",), {13: 0.5}),),
    notes=("a note",),
    flaky=("t::a", "t::b"),
    functions=(
        FunctionReport(CHANGED, 4, 9, (13, 14), left_alone="it differs from run to run"),
        *ALTERED.functions,
    ),
)
PLACED = frozenset({"path", "source", "replacement", "function"})
"""Kept so that findings stay on their lines."""


def placed(text: str) -> Iterator[Review]:
    """A review with the text in all of it, whose findings still have their places; and one that could not run."""
    review = poisoned(FULL, text, keep=PLACED)
    # `how` decides which list a test's change is in; what weakens it is foreign.
    review = replace(review, test_changes=tuple(replace(c, how="weakened") for c in review.test_changes))
    yield review
    yield replace(review, conclusion=render.Conclusion.NEUTRAL, findings=())


GITLAB = Dialect(noun="merge request", sign="!", blocks="offsets", most_above=100, commands=False)


USUAL = Dialect()


def said(review: Review, foreign: str, dialect: Dialect = USUAL) -> Iterator[tuple[str, str, Marker | None]]:
    """Everything that is posted because of a review: name, body, marker."""
    wall = Wall()

    def planned(which: Review, **how: Any) -> Any:
        given_ = {"number": 7, "head": HEAD, "files": FILES, "caps": Caps(suspected=True), "check": True, **how}
        given_["dialect"] = dialect
        return comment.plan(which, wall.conversation(), **given_)

    plan = planned(review, from_fork=True)
    yield "summary", plan.summary, markers.read(plan.summary)
    yield "refused", plan.summary_if_refused, markers.read(plan.summary_if_refused)
    yield "check", plan.check.summary, None
    yield "title", plan.check.title, None
    for inline in plan.create:
        yield "inline", inline.body, Marker("finding", inline.finding)
    wall.carry_out(plan)
    clean = replace(FULL, findings=(), conclusion=render.Conclusion.CLEAN, problems=())
    for edit in planned(clean, head=LATER).edit:
        yield "withdrawn", edit.body, Marker("finding", edit.finding, withdrawn=True)
    gone = planned(clean, head=LATER).summary
    yield "gone", gone, markers.read(gone)
    conversation = wall.conversation()
    for text in (
        comment.running(conversation, LATER, foreign),
        comment.failed(conversation, LATER, foreign, foreign),
    ):
        yield "meanwhile", text, Marker("summary", memory=conversation.memory)
    known = Known("0123456789ab", foreign, foreign, foreign, foreign, (foreign,), (foreign,), probe=PROBE)
    known = replace(known, probe=poisoned(PROBE, foreign))
    memory = Memory(HEAD, {}, (known,), {known.id: foreign})
    yield "explained", comment.explained(known, memory, dialect=dialect), None
    yield "unknown", comment.unknown(foreign, memory, dialect), None
    yield "ignored", comment.ignored(known, foreign, dialect), None
    yield "verified", comment.verified(known, None, LATER), None
    yield "unverified", comment.unverified(known, foreign), None
    yield "refused", comment.refused(foreign), None
    for item in review.findings:
        yield "still", comment.verified(known, item, LATER, dialect), None
    asked = comment.ignoring(conversation, known, foreign, number=7, head=LATER, dialect=dialect)
    yield "ignoring", asked.summary, markers.read(asked.summary)


LINK = re.compile(r"https://cwe\.mitre\.org/data/definitions/\d+\.html")
"""The one address that we link: of a weakness, by its number."""
OURS = re.compile(r"</?(?:details|summary|br|sub)>")
LIVE = re.compile(
    r"@\w|[#%~][\w\"']|[!&]\d|\[\w+:|iteration:\w|(?i:gh)-\d|(?i:mailto|xmpp|https?|ftp):|(?i:www)\.|\$[\w`$(\\]"
    r"|\b(?=[0-9]*[a-f])[0-9a-f]{7,40}\b"
)
"""What a platform makes a mention, a reference, an address or a formula of."""
ORDER = re.compile(r"(?im)^/[a-z_]+(?: [^\n]*)?(?:\s*\n|$)")
"""What GitLab carries out. It leaves out some blocks of code and not others, so that here none counts as one."""
UNSEEN = re.compile(guarding.CONTROL.pattern.replace("\u200b-\u200f", "\u200c-\u200f"))
"""Without the zero-width space, with which we take things apart."""


def tokens_of(body: str) -> Iterator[Token]:
    for token in PARSER.parse(body):
        yield token
        yield from token.children or ()


def check(name: str, body: str, marker: Marker | None) -> None:
    """Raises AssertionError for anything in the body that is more than text."""
    assert len(body) <= render.MAX_BODY
    assert not UNSEEN.search(body), (name, UNSEEN.search(body))
    assert not re.search(r"(?im)^[ \t>]*/tryline", body), name
    assert not ORDER.search(body.replace("\r", "")), (name, ORDER.search(body.replace("\r", "")))
    lines = body.split("\n")
    assert markers.read(body) == marker, name
    assert [line for line in lines[:-1] if markers.read(line)] == []
    depth = 0
    tokens = list(tokens_of(body))
    for number, token in enumerate(tokens):
        if token.type == "link_open" and LINK.fullmatch(str(token.attrs["href"])):
            continue
        assert token.type not in {"link_open", "image", "html_inline", "blockquote_open", "code_block"}, (
            name,
            token,
        )
        if token.type == "html_block":
            last = number == len(tokens) - 1
            if last and marker is not None:
                assert token.content.strip() == lines[-1]
                continue
            rest = OURS.sub("", token.content)
            assert "<" not in rest, (name, token.content)
            assert ">" not in rest, (name, token.content)
            assert not LIVE.search(rest), (name, LIVE.search(rest), token.content)
            depth += token.content.count("<details>") - token.content.count("</details>")
            assert depth >= 0, name
        elif token.type == "text":
            assert not LIVE.search(token.content), (name, LIVE.search(token.content), token.content)
        elif token.type == "fence":
            info = re.sub(r"^suggestion:-\d+\+\d+$", "suggestion", token.info)
            assert info in {"", "text", "console", "python", "diff", "suggestion"}, (name, info)
            assert info != "suggestion" or name == "inline", name
    assert depth == 0, name
    if marker is not None:
        assert tokens[-1].type == "html_block", name


def skeleton(body: str) -> list[tuple[str, str, int]]:
    """The blocks of a body, without what is in them."""
    return [(token.type, token.tag, token.level) for token in PARSER.parse(body)]


@functools.cache
def harmless() -> list[tuple[str, list[tuple[str, str, int]]]]:
    """The blocks of all that is said with a word in the place of each text, where findings have their places."""
    return [(name, skeleton(body)) for review in placed("word") for name, body, _ in said(review, "word")]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:30]))
def test_hostile_text_is_text_in_whatever_is_posted(text: str) -> None:
    names = set()
    for name, body, marker in said(poisoned(FULL, text), text):
        check(name, body, marker)
        names.add(name)
    there = []
    for review in placed(text):
        for name, body, marker in said(review, text):
            check(name, body, marker)
            there.append((name, skeleton(body)))
            names.add(name)
    assert {"summary", "inline", "withdrawn", "explained", "ignoring"} <= names
    # Headings, tables, lists and folded parts are where they are with a harmless word in the text's place.
    if guarding.clean(text).strip() and len(text) < 1500:
        for one, other in zip(there, harmless(), strict=True):
            assert one[0] == "meanwhile" or one == other


@pytest.mark.parametrize("text", [text for text in HOSTILE if re.search(r"(?m)^/[a-z]+$|[!&]\d|suggestion", text)])
def test_so_it_is_where_blocks_have_offsets(text: str) -> None:
    for review in placed(text):
        for name, body, marker in said(review, text, GITLAB):
            check(name, body, marker)
            assert "pull request" not in body
            assert "Where commands are set up" not in body


@settings(deadline=None, max_examples=25)
@given(st.text(alphabet=st.sampled_from("`~|<>@#!/\\*_[](){}$&-=+.:\n\t\r \u202e\u200b1aé"), max_size=40))
def test_so_is_any_other(text: str) -> None:
    review = replace(poisoned(FULL, text, keep=PLACED), test_changes=())
    for name, body, marker in said(review, text):
        check(name, body, marker)


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: repr(secret[:10]))
@pytest.mark.parametrize("around", ["{}", "x " * 70 + "{}", "a `{}` b", "key = '{}'"])
def test_a_secret_is_posted_from_no_field(secret: str, around: str) -> None:
    text = around.format(secret)
    pieces = [re.sub(r"\W", "", line)[-16:] for line in secret.split("\n") if "-----" not in line]
    for review in (poisoned(FULL, text), *placed(text)):
        plan = comment.plan(
            review,
            Wall().conversation(),
            number=7,
            head=HEAD,
            files=FILES,
            caps=Caps(),
            check=True,
        )
        notes = [f"{note.title} {note.message}" for note in comment.annotations(review)]
        for body in [*(body for _, body, _ in said(review, text)), *notes, *plan.log]:
            bare = re.sub(r"[^\w]|\\u[0-9a-f]{4}", "", markers.unsigned(body))
            for piece in pieces:
                assert piece not in bare, body


NUMBERS = st.one_of(st.integers(-3, 30), st.sampled_from([10**9, 10**18, -(10**18)]))


@settings(deadline=None, max_examples=60)
@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.booleans())
def test_a_result_with_impossible_lines_costs_nothing(
    start: int, end: int, first: int, last: int, function: int, also: int, further: bool
) -> None:
    """A saved result may be anybody's: it names what lines it likes."""
    head = replace(FINDING.function.head, start_line=function)
    finding = replace(FINDING, start_line=first, end_line=last, function=replace(CHANGED, head=head))
    more = (Replacement("shop/cart.py", also, also, "import a\n"),) if further else ()
    rewrite = Rewrite.of(CANDIDATE, VERDICT, Replacement("shop/cart.py", start, end, "    pass\n"), more)
    review = replace(FULL, findings=(replace(WITH_REWRITE, finding=finding, rewrite=rewrite),))
    for name, body, marker in said(review, "word"):
        check(name, body, marker)


def test_an_exact_block_is_exact_whatever_is_in_it() -> None:
    """The one place where text is not touched: what was verified, in a fence that outgrows it."""
    body = "    x = '@admin #1 https://evil <b> ::error:: $x$'  # `` ``` </details>\n"
    rewrite = Rewrite.of(CANDIDATE, VERDICT, Replacement("shop/cart.py", 13, 13, body))
    review = replace(FULL, findings=(replace(WITH_REWRITE, rewrite=rewrite),))
    plan = comment.plan(review, Wall().conversation(), number=7, head=HEAD, files=FILES, caps=Caps(), check=False)
    (fence,) = [token for token in PARSER.parse(plan.create[0].body) if token.info == "suggestion"]
    assert fence.content == body
    check("inline", plan.create[0].body, Marker("finding", FINDING.id))


def test_the_checker_sees_what_it_is_for() -> None:
    """Each of these would be posted by a renderer that escapes nothing."""
    for bad in (
        "@admin", "see #1", "https://evil", "[a](//b)", "![a](//b)", "<b>x</b>", "<!-- x -->", "/tryline review",
        f"{MARK}\n\nx", "a\u202eb", "> quote", "</details>", "```suggestion\nx\n```", "$x$", "0123abc",
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            check("bad", bad, None)
    for review in (FULL, FOUND_BY_MODEL):
        for name, body, marker in said(review, "word"):
            check(name, body, marker)
