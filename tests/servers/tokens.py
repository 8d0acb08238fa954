"""A tokenizer for toy models: reversible on any text, its ids the same in every process."""

from __future__ import annotations

import codecs
import hashlib
import re
import threading

BEGIN, END, USER, ASSISTANT, SYSTEM, TURN = 256, 257, 258, 259, 260, 261
SPECIAL = {
    "<|begin|>": BEGIN,
    "<|end|>": END,
    "<|user|>": USER,
    "<|assistant|>": ASSISTANT,
    "<|system|>": SYSTEM,
    "<|turn|>": TURN,
}
"""Markers of the chat template. As in real servers they are recognised in any text, a stranger's too."""
SPECIAL_IDS = frozenset(SPECIAL.values())

_PIECES = re.compile(
    "|".join(re.escape(text) for text in SPECIAL).encode() + rb"|\r|\n|[ \t]+|[A-Za-z_]+|[\x00-\x7f]|[\x80-\xff]"
)


class Tokenizer:
    """Text <-> ids. Tokens are special markers, words, runs of blanks, each line feed, each digit, each other
    character of ASCII, and each single byte of the rest: so one `é` is two tokens that alone are no text.

    The id of a single byte is its value, a special marker's stands in SPECIAL, any other's follows from a digest
    of its text. Ids of words that this tokenizer never met have no text.
    """

    def __init__(self) -> None:
        self._texts = {value: text.encode() for text, value in SPECIAL.items()}
        self._lock = threading.Lock()

    def encode(self, text: str) -> list[int]:
        """The ids of a text; lone surrogates stand for single bytes, as `surrogateescape` writes them."""
        return [self.id(piece) for piece in _PIECES.findall(text.encode("utf-8", "surrogateescape"))]

    def id(self, piece: bytes) -> int:
        """The id of one token."""
        if len(piece) == 1:
            return piece[0]
        if piece.decode("utf-8", "replace") in SPECIAL:
            return SPECIAL[piece.decode()]
        value = 1000 + int.from_bytes(hashlib.sha256(piece).digest()[:8], "big") % 999_990_000
        with self._lock:
            known = self._texts.setdefault(value, piece)
        if known != piece:
            raise ValueError(f"{piece!r} and {known!r} have one id")
        return value

    def single(self, text: str) -> int:
        """The id of a text that must be one token. Raises ValueError."""
        ids = self.encode(text)
        if len(ids) != 1:
            raise ValueError(f"{text!r} is {len(ids)} tokens, not one")
        return ids[0]

    def known(self, value: int) -> bool:
        """Whether an id has a text here."""
        return 0 <= value < 256 or value in self._texts

    def bytes(self, ids: list[int] | tuple[int, ...], *, special: bool = True) -> bytes:
        """The bytes of some ids, without special markers where `special` is false. Unknown ids have none."""
        return b"".join(
            bytes([value]) if 0 <= value < 256 else self._texts.get(value, b"")
            for value in ids
            if special or value not in SPECIAL_IDS
        )

    def decode(self, ids: list[int] | tuple[int, ...], *, special: bool = True) -> str:
        """The text of some ids; a part of a character becomes U+FFFD, as in real servers."""
        return self.bytes(ids, special=special).decode("utf-8", "replace")

    def whole(self, ids: list[int] | tuple[int, ...], *, special: bool = True) -> str:
        """The text of some ids up to the last whole character: how servers send what is not finished."""
        return codecs.getincrementaldecoder("utf-8")("replace").decode(self.bytes(ids, special=special))

    def unfinished(self, ids: list[int] | tuple[int, ...]) -> bool:
        """Whether the ids end within a character."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode(self.bytes(ids[-4:]))
        return bool(decoder.getstate()[0])

    def exact(self, ids: list[int] | tuple[int, ...]) -> str:
        """The text of some ids with single bytes kept as lone surrogates: what `encode` takes back."""
        return self.bytes(ids).decode("utf-8", "surrogateescape")
