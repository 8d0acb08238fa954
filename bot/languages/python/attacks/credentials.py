"""CWE-338, 327, 916, 208, 347: secrets that can be guessed, kept badly, compared badly, or not checked at all.

These are judged by what is made, not by a payload: a secret that a seed makes again, a digest of the value in the
answer, a comparison that ends at the first character that differs, a token of somebody else that is believed.
Only functions whose names say that a secret is meant are asked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Site, Subject, Target

SECRET = hints.listed(
    "token tokens password passwd pwd passphrase secret secrets nonce otp salt csrf credential credentials apikey "
    "pin"
)
PAIRS = (
    {"session", "id"},
    {"session", "key"},
    {"api", "key"},
    {"access", "key"},
    {"reset", "code"},
    {"verification", "code"},
    {"auth", "code"},
    *({word, "code"} for word in hints.listed("invite invitation recovery backup login activation voucher")),
    {"secret", "key"},
)
HARMLESS = hints.listed(
    "test fake mock dummy example demo sample count tokenize tokenizer mask shuffle noise color colour mnist "
    "vocab lex parse corpus"
)

RANDOM = '''\
def watch(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1.7e9)
    monkeypatch.setattr(time, "time_ns", lambda: 1700000000000000000)


def made(seed, tmp_path):
    """What the function makes after the generator was given a seed."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed)
    return [repr(attempt(call)) for call in calls(seed, tmp_path)][-1]


def landed(payload, result, tmp_path):
    one = result[0] if isinstance(result, (list, tuple)) and result else result
    if not isinstance(one, (str, bytes, int)) or isinstance(one, bool) or len(str(one)) < 4:
        return None
    same = made(1, tmp_path) == made(1, tmp_path) and made(2, tmp_path) == made(2, tmp_path)
    if same and made(1, tmp_path) != made(2, tmp_path):
        return "a secret that whoever knows the generator's state makes again", []
    return None
'''


def predictable(subject: Subject) -> Iterator[Attack]:
    """Secrets made by a generator that is none for secrets."""
    site = next((each for each in subject.sites if guessed(each.name)), None)
    if site is None or not makes_secret(subject, site) or subject.function.is_generator:
        return
    made = frame.attack_of(
        subject,
        None,
        frame.Proof(
            question="make a secret that can be made again",
            test="makes_no_secret_twice",
            payloads=["'random.seed(1)'"],
            sensors=RANDOM,
            imports=("import random", "import time"),
            dressed=False,
        ),
        rule="predictable-secret",
        cwe=338,
        title=f"`{subject.name}` makes secrets that can be predicted",
        severity="high",
        why="The generator of `random` is no secret one: from some of its values all others follow.",
        line=site.line,
    )
    yield replace(made, payload="random.seed(1)")


def guessed(name: str) -> bool:
    """Whether a call asks the generator that anybody can ask again."""
    return name.startswith(("random.", "numpy.random.")) and "SystemRandom" not in name


def is_secret(name: str) -> bool:
    """Whether a name says that a secret is meant."""
    found = singular(hints.words(name))
    return bool(found & SECRET or any(pair <= found for pair in PAIRS)) and not found & HARMLESS


def singular(found: frozenset[str]) -> frozenset[str]:
    """Words, and those of them that are plurals as one: `codes` is a `code`, too."""
    return found | {word[:-1] for word in found if word.endswith("s")}


def makes_secret(subject: Subject, site: Site) -> bool:
    """Whether a name says that the function makes a secret: its own, or what it calls what it gives.

    A word of its class counts beside one of those: `InviteBook.create` returns a `code`. A value's name alone says
    it of a text drawn letter by letter: a `token` may be a word of a language.
    """
    if is_secret(subject.node.name):
        return True
    given = [
        each.value for each in ast.walk(subject.node) if isinstance(each, ast.Return) and each.value is not None
    ]
    named = singular(
        frozenset(word for value in given for name in hints.names_in(value) for word in hints.words(name))
    )
    around = named | singular(hints.words(subject.name))
    if around & HARMLESS or not spelled(subject, site):
        return False
    return bool(named & SECRET) or any(pair <= around and pair & named for pair in PAIRS)


LETTERS = hints.listed("ascii_letters ascii_lowercase ascii_uppercase digits hexdigits")
DRAWN = hints.listed("getrandbits randbytes randint randrange")


def spelled(subject: Subject, site: Site) -> bool:
    """Whether a text is drawn letter by letter, or as a number."""
    if site.last in DRAWN or any(set(hints.names_in(node)) & LETTERS for node in hints.nodes_of(subject)):
        return True
    if any(set(hints.names_in(value)) & LETTERS for value in hints.globals_of(subject).values()):
        return True
    return any(len(set(text)) >= 10 and text.isalnum() for text in hints.texts_of(subject))


# -------------------------------------------------------------------------------------------------- digests

FAST = hints.listed("md5 sha1")
FASTER = hints.listed("md5 sha1 sha224 sha256 sha384 sha512 sha3_256 sha3_512 blake2b blake2s new")
PASSWORD = hints.listed("password passwd pwd passphrase pin")
GUARDING = PASSWORD | hints.listed("secret token signature sign signed signing mac credential credentials")
SLOW = ("bcrypt", "argon2", "scrypt", "pbkdf2", "passlib")
TRUST = hints.listed(
    "approve approved trusted trust verify verified signed sign authorize authorized allowed integrity licence"
)
CHECKSUMS = hints.listed("etag checksum cache cached fingerprint breach breached pwned leaked dedupe")

DIGESTS = '''\
class Digest:
    """A digest that keeps what it was made of."""

    def __init__(self, real, name, data, harmless):
        self.real, self.name, self.data, self.harmless = real, name, bytes(data), harmless

    def update(self, data):
        self.real.update(data)
        self.data += bytes(data)

    def noted(self, value):
        if b"zq7hit" in self.data and not self.harmless:
            HITS.append((self.name, self.real.digest(), place()))
        return value

    def digest(self):
        return self.noted(self.real.digest())

    def hexdigest(self):
        return self.noted(self.real.hexdigest())

    def copy(self):
        return Digest(self.real.copy(), self.name, self.data, self.harmless)

    def __getattr__(self, name):
        return getattr(self.real, name)


def watch(tmp_path, monkeypatch):
    def noting(real, name):
        def make(*args, **options):
            data = args[1:] if name == "new" else args
            harmless = options.get("usedforsecurity") is False
            digest = real(*args, **options)
            return Digest(digest, digest.name, data[0] if data else options.get("string", b""), harmless)

        return make

    for name in ({names}, "new"):
        replaced(monkeypatch, hashlib, name, noting(getattr(hashlib, name), name))


def landed(payload, result, tmp_path):
    """A weak digest of the value that stands in the answer, as it is, in hexadecimal or in base64."""
    for name, digest, where in HITS if len(HITS) < 100 else ():  # many rounds are slow on purpose
        if name in ({names},):
            shown = repr(result).lower()
            forms = (digest.hex(), repr(digest)[2:-1].lower(), base64.b64encode(digest).decode().lower())
            if any(form in shown for form in forms){or_compared}:
                return name + " of the value itself", where
    return None
'''


def digests(subject: Subject) -> Iterator[Attack]:
    """Secrets kept, and texts signed, by a digest that is too weak or too fast for that."""
    site = next((each for each in subject.sites if each.last in FASTER and each.name.startswith("hashlib.")), None)
    named = hints.words(subject.node.name)
    if site is None or named & CHECKSUMS:
        return
    slow = any(name in subject.text for name in SLOW)
    for target in subject.targets:
        about = named | hints.words(target.label)
        if target.kind == "path" or about & CHECKSUMS:
            continue
        if not about & GUARDING:
            if site.last in FAST and target.parameter in [n for a in site.node.args for n in hints.names_in(a)]:
                yield identified(subject, site, target)
            continue
        password = bool(about & PASSWORD)
        if not password and site.last not in FAST | {"new"}:
            continue
        names = sorted(FASTER - {"new"}) if password else sorted(FAST)
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"keep its argument `{target.label}` as a digest that is quickly tried",
                test="keeps_no_quick_digest",
                payloads=["'zq7hit'", "'zq7hit-Aa1!zq7hit'"],
                sensors=DIGESTS.replace("{names}", ", ".join(repr(name) for name in names)).replace(
                    "{or_compared}", " or result in (None, True, False)" if password and not slow else ""
                ),
                imports=("import base64", "import hashlib"),
                dressed=False,
            ),
            rule="weak-password-hash" if password else "weak-hash",
            cwe=916 if password else 327,
            title=(
                f"`{subject.name}` keeps `{target.label}` as one round of a fast digest"
                if password
                else f"`{subject.name}` guards `{target.label}` by a broken digest"
            ),
            severity="medium" if password else "low",
            why=(
                "A stolen digest of that kind is tried against billions of passwords a second."
                if password
                else "Two texts of one MD5 or SHA-1 digest can be made by anybody: what it guards can be replaced."
            ),
            line=site.line,
        )


def identified(subject: Subject, site: Site, target: Target) -> Attack:
    """A value known by a broken digest: told where others trust what they know so, or where a better one was."""
    owner = subject.klass if subject.klass is not None else subject.tree
    names = [each.name for each in ast.walk(owner) if isinstance(each, ast.FunctionDef)]
    names += hints.names_in(owner) if subject.klass is not None else []
    named = {word for name in names for word in hints.words(name)}
    return frame.attack_of(
        subject,
        target,
        frame.Proof(
            question=f"identify its argument `{target.label}` by a broken digest",
            test="uses_no_broken_digest",
            payloads=["'zq7hit'", "'zq7hit-Aa1!zq7hit'"],
            sensors=DIGESTS.replace("{names}", ", ".join(repr(name) for name in sorted(FAST))).replace(
                "{or_compared}", ""
            ),
            imports=("import base64", "import hashlib"),
            dressed=False,
        ),
        rule="weak-hash",
        cwe=328,
        title=f"`{subject.name}` identifies `{target.label}` by a broken digest",
        severity="low",
        why="Two texts of one MD5 or SHA-1 digest can be made by anybody: one is approved, the other is used.",
        line=site.line,
        compared=not named & TRUST,
    )


# ----------------------------------------------------------------------------------------------- comparison

COMPARED = hints.listed("hmac csrf secret apikey otp")
WHILE_CHECKING = hints.listed("token password passwd signature sig")
CHECKING = hints.listed(
    "verify verified check auth authenticate authorize authorized valid validate compare login webhook csrf "
    "matches allow allows allowed accepts permits"
)
PLAINLY = hints.listed("secret secrets apikey hmac csrf otp password passwd")
PERHAPS = hints.listed("key keys token tokens signature sig code codes digest mac")
"""Words that mean a secret where the file has to do with secrets."""
CHECKSUMMING = hints.listed("checksum file download integrity etag")
TWICE = hints.listed("confirm confirmation repeat repeated again password1 password2 old new previous")

COMPARISON = '''\
class Watched({kind}):
    """A value that notes who compares it; what is made of it notes that, too."""

    __hash__ = {kind}.__hash__

    def __eq__(self, other):
        asker = os.path.relpath(sys._getframe(1).f_code.co_filename, ROOT)
        inside = not asker.startswith("..") and "site-packages" not in asker and "/lib/python" not in asker
        long = isinstance(other, mock.NonCallableMock) or (isinstance(other, (str, bytes)) and len(other) > 1)
        if inside and long:
            HITS.append(place())
        return {kind}.__eq__(self, other)

    def __ne__(self, other):
        return not self == other

    def strip(self, *args):
        return Watched({kind}.strip(self, *args))

    def lower(self):
        return Watched({kind}.lower(self))


def watch(tmp_path, monkeypatch):
    pass


def landed(payload, result, tmp_path):
    return ("a comparison that ends at the first difference", HITS[0]) if HITS else None
'''


def comparisons(subject: Subject) -> Iterator[Attack]:
    """Secrets compared in a time that says how much of them is right."""
    named = hints.words(subject.node.name)
    if named & CHECKSUMMING:
        return
    checking = bool(named & CHECKING) or subject.imports("hmac")
    for target in subject.targets:
        about = hints.words(target.label)
        if about & TWICE:
            continue
        line = against_secret(subject, target) if checking else 0
        if about & COMPARED or (checking and about & WHILE_CHECKING):
            line = compared(subject) or line
        if not line or target.value not in ("payload", "payload.encode()"):
            continue
        kind = "bytes" if target.kind == "bytes" else "str"
        yield frame.attack_of(
            subject,
            replace(target, value=f"Watched({target.value})"),
            frame.Proof(
                question=f"compare its argument `{target.label}` in constant time",
                test="compares_in_constant_time",
                payloads=["'zq7hit'", "'sha256=zq7hit'"],
                sensors=COMPARISON.replace("{kind}", kind),
                imports=("from unittest import mock",),
                dressed=False,
            ),
            rule="timing-of-comparison",
            cwe=208,
            title=f"`{subject.name}` compares `{target.label}` in a time that depends on it",
            severity="low",
            why="`==` ends at the first difference: who measures it long enough learns the secret bit by bit.",
            line=line,
            limits="that the difference can be measured over a network is not shown",
        )


def compared(subject: Subject) -> int:
    """The line at which a secret is compared with something that is no constant; 0 where none is."""
    for node in hints.nodes_of(subject):
        for each in ast.walk(node):
            if not isinstance(each, ast.Compare) or not isinstance(each.ops[0], ast.Eq | ast.NotEq):
                continue
            sides = [each.left, each.comparators[0]]
            about = {word for side in sides for name in hints.names_in(side) for word in hints.words(name)}
            if any(isinstance(side, ast.Constant) for side in sides) or about & (TWICE | {"len"}):
                continue
            if about & (COMPARED | WHILE_CHECKING):
                return each.lineno
    return 0


def against_secret(subject: Subject, target: Target) -> int:
    """The line at which an argument is compared as it is with something that is a secret by name; 0 for none."""
    assigned = {
        each.targets[0].id: each.value
        for each in ast.walk(subject.node)
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name)
    }
    owner = subject.klass if subject.klass is not None else subject.tree
    near = {word for name in hints.names_in(owner) for word in hints.words(name)}
    secretive = subject.imports("hmac") or subject.imports("secrets") or bool(near & {"secret", "secrets", "hmac"})
    for each in ast.walk(subject.node):
        if not isinstance(each, ast.Compare) or not isinstance(each.ops[0], ast.Eq | ast.NotEq):
            continue
        for one, other in ((each.left, each.comparators[0]), (each.comparators[0], each.left)):
            if not isinstance(one, ast.Name) or one.id != target.parameter:
                continue
            meant = [
                other,
                *([assigned[other.id]] if isinstance(other, ast.Name) and other.id in assigned else []),
            ]
            words = {word for part in meant for name in hints.names_in(part) for word in hints.words(name)}
            if not words & TWICE and (words & PLAINLY or (secretive and words & PERHAPS)):
                return each.lineno
    return 0


# --------------------------------------------------------------------------------------------------- tokens

PEEKING = hints.listed("unverified peek inspect debug insecure claims unsafe header")
FORGED = '''\
CLAIMS = dict.fromkeys("sub user user_id id username email name role uid jti".split(), "zq7hit")
CLAIMS.update(exp=4102444800, iat=1700000000)


def forged(payload):
    """A token that nobody with the key has signed."""
    head, key = payload.split()[:2]
    return jwt.encode(CLAIMS, "" if head == "none" else key * 40, algorithm=head)


def watch(tmp_path, monkeypatch):
    pass


def landed(payload, result, tmp_path):
    return ("a forged token that is believed", []) if "zq7hit" in repr(result) else None
'''


def tokens(subject: Subject) -> Iterator[Attack]:
    """Tokens whose signature nobody looks at."""
    site = next((each for each in subject.sites if each.name in ("jwt.decode", "jwt.api_jwt.decode")), None)
    if site is None or hints.words(subject.node.name) & PEEKING:
        return
    for target in subject.targets:
        if target.kind == "path" or "payload" not in target.value:
            continue
        yield frame.attack_of(
            subject,
            replace(target, value=target.value.replace("payload", "forged(payload)")),
            frame.Proof(
                question=f"believe a token `{target.label}` that somebody forged",
                test="believes_no_forged_token",
                payloads=["'HS256 zq7hit'", "'none zq7hit'"],
                sensors=FORGED,
                imports=("import jwt",),
                dressed=False,
            ),
            rule="unverified-token",
            cwe=347,
            title=f"`{subject.name}` believes a token that nobody signed",
            severity="critical",
            why="Whoever writes a token by himself is whoever he says he is.",
            line=site.line,
        )
