"""Foreign text made fit for a prompt: cleaned, secrets taken out, chat marks defused, fenced by its own digest.

Whatever a repository, a run or a model said is data. `data` puts it between two markers that carry a digest of
what lies between them; nothing inside can spell such a marker, for `neutral` puts a space into whatever looks like
one. The same space defuses the tokens by which chat templates part one speaker from the other: a server that
reads `<|im_end|>` in a text as the token of that name would end our turn there. `restore` takes the spaces out
again, so that what a model writes can be compared with the source.

Equal text gives equal blocks: prompts that share their beginning share the server's prefix cache.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import re
from collections import Counter
from collections.abc import Callable

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidirectional controls
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc"  # fillers, variation selectors, BOM, annotations
    "\ud800-\udfff\U000e0000-\U000e0fff]"  # lone surrogates, tags
)
"""Characters that steer a terminal, or that a reader cannot see."""
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""Escape sequences of terminals."""

REDACTED = re.compile(r"\[redacted [A-Za-z ]{1,30}\]")
"""What stands where a secret stood. A model's line that holds it must not become code: the secret is not there."""


# ------------------------------------------------------------------------------------------------------- blocks


def data(text: str, label: str, limit: int | None = None) -> str:
    """A block of foreign text between markers that carry a digest of it.

    `<data-DIGEST label="LABEL">`, the text, `</data-DIGEST>`, each on lines of its own. The text is cleaned,
    redacted and neutralised, and clipped in the middle to `limit` characters. Equal arguments give equal blocks,
    and a block of the same label is that block again: what was guarded where it was made may pass through a
    template that guards.
    """
    name = inline(label, 120)
    found = _BLOCK.fullmatch(text)
    if found is not None and found["label"] == name:
        # Whoever wrote it, what lies in it goes the whole way once more.
        text = restore(found["body"])
    body = neutral(redact(clean(text))).rstrip("\n")
    if limit is not None:
        body = clip(body, limit)
    digest = hashlib.sha256(body.encode("utf-8")).hexdigest()[:8]
    return f'<data-{digest} label="{name}">\n{body}\n</data-{digest}>'


_BLOCK = re.compile(
    r'<data-(?P<digest>[0-9a-f]{8}) label="(?P<label>[^"\n]*)">\n(?P<body>.*)\n</data-(?P=digest)>', re.DOTALL
)


def inline(text: str, limit: int) -> str:
    """Foreign text on one line for use between quotes or backticks: at most `limit` characters.

    Cleaned, redacted and neutralised; white space is folded, double quotes and backticks become single quotes,
    the middle is left out where it is too long.
    """
    line = " ".join(redact(clean(text)).split()).replace('"', "'").replace("`", "'")
    return clip(neutral(line), limit)


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, the middle left out and `...` in its place, with the count where it fits."""
    if len(text) <= limit:
        return text
    mark = f" ... {len(text) - limit} more characters ... " if limit >= 120 else "..."
    room = limit - len(mark)
    if room < 2:
        return text[: max(0, limit)]
    tail = room // 3
    return text[: room - tail] + mark + text[len(text) - tail :]


# ------------------------------------------------------------------------------------------------------ cleaning


def clean(text: str) -> str:
    """Text with `\\n` line ends, without terminal escapes, control and invisible characters, lone surrogates."""
    return CONTROL.sub("", ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


_TAGS = (
    r"s|bos|eos|pad|unk|mask|sop|eop|cls|sep"  # SentencePiece, GLM, BERT
    r"|think|tool_call|tool_response|tools?|answer"  # Qwen, DeepSeek, Hermes
    r"|start_of_turn|end_of_turn|start_of_image|end_of_image"  # Gemma
    r"|fim_\w+|PRE|SUF|MID|EOT|EOD"  # models of code: filling in
    r"|file_sep|repo_name|reponame|filename|gh_stars|issue_\w+|jupyter_\w+"  # and where files begin
    r"|[A-Z_]+_TOKEN|seed:\w+|endoftext"  # Cohere, Seed
)
_WORDS = (
    r"INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK"
    r"|PREFIX|SUFFIX|MIDDLE|IMG|IMG_BREAK|IMG_END|gMASK|sMASK|MASK|CLS|SEP|PAD|UNK"
)
_ANGLE = (
    r" *(?:[|\uff5c]"  # `<|im_end|>`, `<|turn>`, and DeepSeek's with full-width bars
    r"|/?[\w:-]+[|\uff5c]>"  # `<turn|>`
    r"|</?SYS>>"
    rf"|/?(?:{_TAGS})>"
    r"|/?(?i:data-[0-9a-f]{4}))"  # our own markers
)
_SQUARE = rf" */?(?:{_WORDS})\]"
SPECIAL = re.compile(rf"<(?={_ANGLE})|\[(?={_SQUARE})")
"""The first character of a token of a known chat template, or of one of our markers, spaces behind it or not."""
_SPACED = re.compile(rf"< (?={_ANGLE})|\[ (?={_SQUARE})")


def neutral(text: str) -> str:
    """The text with one space put behind the first character of each special token: `< |im_end|>`, `[ INST]`.

    One that has spaces there already gets one more, so that `restore` is the exact inverse, on any text.
    """
    return SPECIAL.sub(lambda found: found[0] + " ", text)


def restore(text: str) -> str:
    """Undoes `neutral` in what a model wrote: `restore(neutral(text)) == text` for every text."""
    return _SPACED.sub(lambda found: found[0][0], text)


# ------------------------------------------------------------------------------------------------------- secrets


def redact(text: str) -> str:
    """The text with what looks like a secret replaced by `[redacted KIND]`.

    Tokens of well-known services by their shape, private keys, credentials in URLs, and what is assigned to a name
    like `password`, `token` or `api_key` where the value looks random. Commit ids, UUIDs, digests and encoded data
    stay as they are unless such a name claims them. Idempotent.
    """
    for kind, pattern, chosen in _SECRETS:
        text = pattern.sub(functools.partial(_replaced, kind, chosen), text)
    return text


def revive(text: str, source: str) -> str:
    """What a model wrote (after `restore`), each line that it left as it was shown as it stands in `source`.

    Takes back what `clean` and `redact` did to lines of the source. A line that was changed keeps what was shown:
    where `REDACTED` still finds something, the text must not become code.
    """
    raw = source.replace("\r\n", "\n").replace("\r", "\n")
    cleaned = clean(raw)
    kept = _as_they_stood(redact(cleaned), cleaned)
    unseen: dict[str, set[str]] = {}
    if cleaned.count("\n") == raw.count("\n"):
        for line, original in zip(cleaned.split("\n"), raw.split("\n"), strict=True):
            unseen.setdefault(line, set()).add(original)
    out = "\n".join(kept.get(line, line) for line in text.split("\n")).split("\n")
    return "\n".join(
        next(iter(o)) if line.strip() and len(o := unseen.get(line, set())) == 1 else line for line in out
    )


def _as_they_stood(shown: str, cleaned: str) -> dict[str, str]:
    """Lines with something redacted -> what they were before; those that were more than one thing left out."""
    found: dict[str, set[str]] = {}
    parts = REDACTED.split(shown)
    marks = REDACTED.findall(shown)
    at = len(parts[0])
    secrets = []
    for part in parts[1:]:
        end = cleaned.find(part, at) if part else len(cleaned)
        if end < 0:
            return {}
        secrets.append(cleaned[at:end])
        at = end + len(part)
    left = iter(zip(marks, secrets, strict=True))
    for line in shown.split("\n"):
        original = REDACTED.sub(lambda mark: next(left, (mark[0], mark[0]))[1], line)
        if original != line:
            found.setdefault(line, set()).add(original)
    return {line: next(iter(originals)) for line, originals in found.items() if len(originals) == 1}


def looks_random(value: str, share: float = 0.3) -> bool:
    """Whether a value is rather a generated secret than a word, a name, a number or a place for one.

    At least 8 characters without white space, of letters and digits or symbols, 2.5 bits of entropy each, and its
    kind of character (lower, upper, digit, symbol) changes at `share` of all places: random base64 does at 0.6,
    random hexadecimal digits at 0.47, `test_token_123` at 0.1.
    """
    if not 8 <= len(value) <= 4096 or re.search(r"[\s{}<>\[]|%\(|\$\(", value) or _UUID.fullmatch(value):
        return False
    letters = re.sub(r"[-_. /:]", "", value)
    kinds = [_kind(character) for character in letters]
    mixed = {"lower", "upper"} & set(kinds) and {"digit", "symbol"} & set(kinds)
    # Letters alone may be a word or a name; only many in mixed case that are not ClassNames are neither.
    if not mixed and (len(letters) < 20 or set(kinds) != {"lower", "upper"} or _CAMEL.fullmatch(letters)):
        return False
    changes = sum(one != other for one, other in itertools.pairwise(kinds))
    counts = Counter(value).values()
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts)
    return changes >= share * (len(letters) - 1) and entropy >= 2.5


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "symbol"


def _replaced(kind: str, chosen: Callable[[re.Match[str]], bool] | None, found: re.Match[str]) -> str:
    """The match with its group `secret`, or all of it, replaced; as it was where `chosen` says no."""
    if chosen is not None and not chosen(found):
        return found[0]
    name = "secret" if "secret" in found.re.groupindex else 0
    begin, end = found.start(name) - found.start(), found.end(name) - found.start()
    return f"{found[0][:begin]}[redacted {kind}]{found[0][end:]}"


_CAMEL = re.compile(r"[a-z]*(?:[A-Z]{1,6}[a-z]{2,})+[A-Z]{0,6}")
_PLACEHOLDER = re.compile(r"pass(?:word|wd|phrase)?|pwd?|secret|token|x+|\*+", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HARMLESS = re.compile(
    r"hash|digest|sha\d|md5|checksum|expir|_at\b|_?(?:id|name|type|file|path|url|uri)\W*$", re.IGNORECASE
)
"""In the name of what is assigned: it is about a secret, and none itself."""
_NAME = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|token|credential|api[_-]?key|access[_-]?key|auth[_-]?key"
    r"|private[_-]?key|signing[_-]?key|encryption[_-]?key|account[_-]?key)"
)


def _named(found: re.Match[str]) -> bool:
    """Whether the name before the sign is a secret's and the value looks like one."""
    start = found.start()
    before = re.search(r"[\w-]{0,40}$", found.string[max(0, start - 40) : start])
    name = (before[0] if before else "") + found["name"]
    return not _HARMLESS.search(name) and looks_random(found["secret"])


def _unquoted(found: re.Match[str]) -> bool:
    """The same for a value without quotes, which in code is a name unless it is too wild for one."""
    value = found["secret"]
    a_name = len(value) < 28 and re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", value)
    return _named(found) and looks_random(value, 0.5 if a_name else 0.4)


def _has_body(found: re.Match[str]) -> bool:
    """Whether there is a key between the lines that begin and end one."""
    return re.search(r"[A-Za-z0-9+/=]{32}", found[0]) is not None


def _meant(found: re.Match[str]) -> bool:
    """Whether it is a password and not the word for one."""
    return not _PLACEHOLDER.fullmatch(found["secret"])


def _opaque(found: re.Match[str]) -> bool:
    return looks_random(found["secret"])


_SECRETS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool] | None], ...] = (
    (
        "private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?!-----BEGIN)[\s\S]){0,12000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        ),
        _has_body,
    ),
    (
        "private key",  # cut off before its end
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:\\[nr]|[\s\"'+,()])*[A-Za-z0-9+/=]{16,}(?:\.\.\.)?)+[A-Za-z0-9+/=]*"
        ),
        None,
    ),
    ("AWS key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"), None),
    ("GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})"), None),
    ("GitLab token", re.compile(r"\bgl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-[\w.-]{20,300}"), None),
    ("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}|\bxapp-\d-[A-Za-z0-9-]{20,250}"), None),
    (
        "Slack hook",
        re.compile(r"\bhooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/]{20,200})"),
        None,
    ),
    ("Stripe key", re.compile(r"\b(?:[sr]k_(?:live|test)|whsec)_[0-9A-Za-z]{16,250}"), None),
    (
        "Google key",
        re.compile(r"\bAIza[\w-]{35}(?![\w-])|\bya29\.[\w-]{20,500}|\bGOCSPX-[\w-]{20,60}"),
        None,
    ),
    (
        "API key",  # OpenAI, Anthropic, OpenRouter and those that copied the form
        re.compile(
            r"\bsk-(?:(?:proj|svcacct|admin|None|or-v\d|ant-[a-z]+\d*)-[\w-]{20,300}"
            r"|(?=[A-Za-z0-9]{0,300}\d)[A-Za-z0-9]{20,300})(?![\w-])"
        ),
        None,
    ),
    (
        "token",  # Hugging Face, npm, PyPI, SendGrid, DigitalOcean, Shopify, Docker, Databricks, Telegram
        re.compile(
            r"\bhf_[A-Za-z]{30,60}\b|\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[\w-]{50,300}"
            r"|\bSG\.[\w-]{16,64}\.[\w-]{16,64}|\bdo[opr]_v1_[a-f0-9]{64}\b|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"
            r"|\bdckr_pat_[\w-]{20,60}|\bdapi[a-f0-9]{32}\b|\b\d{8,10}:AA[\w-]{33}(?![\w-])"
        ),
        None,
    ),
    ("JWT", re.compile(r"\beyJ[\w-]{8,4000}\.eyJ[\w-]{8,4000}(?:\.[\w-]{0,4000})?"), None),
    (
        "password",
        re.compile(
            r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"'<>{}]{0,100}:(?P<secret>[^\s/@\"'<>{}\[\]$]{1,200})@"
        ),
        _meant,
    ),
    (
        "token",
        re.compile(r"\b(?i:bearer|basic|authorization:\s*token)\s+(?P<secret>[\w+/=.~-]{16,4000})"),
        _opaque,
    ),
    (
        "secret",  # `password = "..."`, `"token": '...'`, `api_key: str = "..."`
        re.compile(
            rf"(?P<name>(?i:{_NAME})[\w-]{{0,30}})[\"'\]]{{0,2}}\s{{0,4}}"
            r"(?::\s{0,4}[\w\[\]. |]{1,40}=|:=|=>|[:=]{1,2}|,)"
            r"\s{0,4}[rbfu]{0,2}(?P<quote>[\"'])(?P<secret>[^\"'\s]{8,4096})(?P=quote)"
        ),
        _named,
    ),
    (
        "secret",  # `PASSWORD=...` in an environment file, `token: ...` in YAML, `?api_key=...` in an address
        re.compile(
            rf"(?P<name>(?i:{_NAME})[\w-]{{0,30}})[ \t]{{0,4}}[:=][ \t]{{0,4}}"
            r"(?P<secret>(?!=)[\w+/=.~!@#%^*-]{12,4096})(?![\w(\[\"'])"
        ),
        _unquoted,
    ),
)
"""Kind, pattern, and a second look that a match must stand."""
