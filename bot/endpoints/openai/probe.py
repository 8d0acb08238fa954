"""Finds out what a server and a model can do: a few tiny requests, each judged by what really came back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from bot.endpoints import Capabilities, Choice, Message, Token
from bot.endpoints.openai.server import Said, Server
from bot.endpoints.openai.shapes import (
    chat_messages,
    read_chat,
    read_completion,
    read_ids,
    read_prompt_logprobs,
    read_text,
)
from bot.errors import EndpointError
from bot.wire import clean

TOLERANCE = 0.05
"""Nats by which a token's scored log-probability may differ from the one that it was generated with. Batches of
another shape round differently; a server whose echo is off by one token differs by far more."""

_TOKENS = 8
_ALTERNATIVES = (20, 5, 1)
_CODE = "def add(a, b):\n    return"
_LOOSE = "A list of random words:"
_WORDS = "alpha bravo charlie delta echo foxtrot"
_BEGUN, _NEXT = "alpha bravo charlie", "delta"
_MARK = "MARK"
_SCHEMA = {
    "type": "object",
    "properties": {"kind": {"type": "string", "enum": ["tide"]}},
    "required": ["kind"],
    "additionalProperties": False,
}
_SCHEMA_ANSWER = '{"kind":"tide"}'
_PROSE = "Write one short sentence about the sea. Do not write JSON."
_LIMIT = re.compile(
    r"(?i)(?:max\w*|<=|at most|or equal to|up to|between 0 and)(?:\s+(?:allowed|value))*\D{0,12}(\d+)"
)
_CONTEXTS = ("max_model_len", "context_length", "max_context_length", "context_window")
_SHOWN = 20
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Listed:
    """A model as `/models` lists it."""

    model: str
    context: int | None = None


@dataclass(frozen=True)
class _Basics:
    """What a plain request brought."""

    able: bool
    alternatives: int = 0
    choice: Choice | None = None
    refusal: EndpointError | None = None


def resolve(server: Server, model: str | None) -> Listed:
    """The model to ask and its context: `model`, or the only one that the server lists.

    Raises EndpointError: `endpoint-model` where none is named and the server lists none or several.
    """
    try:
        listed = _listing(server)
    except EndpointError as error:
        # Hosted keys may lack the right to list models, and some servers cannot: the model itself will tell.
        if model is None or (error.dead and not isinstance(error, Said)):
            raise
        return Listed(model)
    if model is not None:
        return next((one for one in listed if one.model == model), Listed(model))
    if len(listed) == 1:
        return listed[0]
    names = ", ".join(clean(one.model, 80) for one in listed[:_SHOWN]) + (", ..." if len(listed) > _SHOWN else "")
    raise EndpointError(
        f"{server.url} serves {f'several models: {names}' if listed else 'no model that it would name'}",
        hint="Choose one: set endpoint.model (TRYLINE_ENDPOINT_MODEL, OPENAI_MODEL).",
        slug="endpoint-model",
        dead=True,
    )


def _listing(server: Server) -> list[Listed]:
    data = server.get("/models", patient=False).data.get("data")
    models = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    return [
        Listed(item["id"], next((item[name] for name in _CONTEXTS if type(item.get(name)) is int), None))
        for item in models
        if isinstance(item.get("id"), str) and item["id"]
    ]


def probe(server: Server, model: str | None) -> Capabilities:
    """What `model` (None: the only one listed) at `server` can do.

    About fifteen requests of a few tokens, side by side where they do not build on one another. A server that
    can do nothing has capabilities of tier E, with notes. Raises EndpointError for what keeps it from being asked
    at all: a wrong key, an unknown model, nobody there, no answer in time, too many requests.
    """
    listed = resolve(server, model)
    return _Probe(server, listed).run()


class _Probe:
    """One run of the questions."""

    def __init__(self, server: Server, listed: Listed) -> None:
        self.server = server
        self.model = listed.model
        self.context = listed.context
        self.notes: list[str] = []

    def run(self) -> Capabilities:
        with ThreadPoolExecutor(self.server.concurrency) as pool:
            text, chat = pool.submit(self.text_basics), pool.submit(self.chat_basics)
            completion, talk = text.result(), chat.result()
            if not completion.able and not talk.able:
                return self.nothing(completion, talk)
            named = pool.submit(self.named_by_id, completion)
            drawn = pool.submit(self.drawn, completion.able)
            stopped = pool.submit(self.stopped, completion, talk)
            several = pool.submit(self.several_prompts, completion)
            formed = pool.submit(self.formed, talk.able)
            begun = pool.submit(self.begun, talk.able)
            turned = pool.submit(self.turned)
            ids = named.result()
            taken = pool.submit(self.ids_taken, ids)
            scored = pool.submit(self.scored, completion, ids)
            chosen = pool.submit(self.chosen, ids)
            n, seed = drawn.result()
            tokenize, template = turned.result()
            return Capabilities(
                model=self.model,
                completions=completion.able,
                chat=talk.able,
                token_ids=taken.result(),
                logprobs=completion.alternatives,
                chat_logprobs=talk.alternatives,
                scoring=scored.result(),
                chosen_ids=chosen.result(),
                n=n,
                batch=several.result(),
                seed=seed,
                stop=stopped.result(),
                prefix=begun.result(),
                schema=formed.result(),
                tokenize=tokenize,
                template=template,
                context=self.context,
                notes=tuple(sorted(set(self.notes))),
            )

    def nothing(self, completion: _Basics, talk: _Basics) -> Capabilities:
        """Neither way works: an error that ends it all, or tier E."""
        for basics in (talk, completion):
            if basics.refusal is not None and basics.refusal.dead:
                raise basics.refusal
        return Capabilities(model=self.model, context=self.context, notes=tuple(sorted(set(self.notes))))

    # -------------------------------------------------------------------------------------------- asking

    def note(self, text: str) -> None:
        self.notes.append(clean(text, 400))

    def complete(self, prompt: Any, *, patient: bool = False, **extra: Any) -> Mapping[str, Any]:
        body = {"model": self.model, "prompt": prompt, "max_tokens": _TOKENS, "temperature": 0.0} | extra
        return self.server.post("/completions", body, patient=patient).data

    def talk(self, text: str, *, patient: bool = False, begun: str = "", **extra: Any) -> Mapping[str, Any]:
        messages = chat_messages((Message("user", text),), begun, "plain" if begun else "")
        body = {"model": self.model, "messages": messages, "max_tokens": _TOKENS, "temperature": 0.0} | extra
        return self.server.post("/chat/completions", body, patient=patient).data

    def tried(self, what: str, ask: Callable[[], _Found], otherwise: _Found) -> _Found:
        """What `ask` brings; `otherwise`, with a note, where the server refuses, fails, or says nothing sensible.

        Raises EndpointError for what is no answer to this question: a lost server, too many requests.
        """
        try:
            return ask()
        except EndpointError as error:
            if error.slug in ("endpoint-unreachable", "endpoint-busy"):
                raise
            words = error.words if isinstance(error, Said) else error.message
            self.note(f"{what}: {words or 'refused'}")
            return otherwise

    # ----------------------------------------------------------------------------- the two ways of asking

    def text_basics(self) -> _Basics:
        """Whether a text is continued, and how many alternatives come with each token."""

        def ask(alternatives: int | None) -> Choice:
            extra: dict[str, Any] = {} if alternatives is None else {"logprobs": alternatives}
            return read_completion(self.complete(_CODE, patient=alternatives is None, **extra), 1)[0]

        return self.basics("completions", ask)

    def chat_basics(self) -> _Basics:
        """Whether there is an answer to a message, and how many alternatives come with each token."""

        def ask(alternatives: int | None) -> Choice:
            extra: dict[str, Any] = (
                {} if alternatives is None else {"logprobs": True, "top_logprobs": alternatives}
            )
            text = f"Repeat exactly these words and nothing else: {_WORDS}"
            return read_chat(self.talk(text, patient=alternatives is None, **extra))[0]

        return self.basics("chat", ask)

    def basics(self, what: str, ask: Callable[[int | None], Choice]) -> _Basics:
        """Asks for fewer and fewer alternatives until the server answers."""
        wanted: list[int | None] = [*_ALTERNATIVES, None]
        refused = ""
        while True:
            alternatives = wanted.pop(0)
            try:
                choice = ask(alternatives)
                break
            except EndpointError as error:
                said = isinstance(error, Said)
                if not (said or error.slug == "endpoint-garbled") or error.slug == "endpoint-busy":
                    raise
                words = error.words if isinstance(error, Said) else error.message
                if alternatives == _ALTERNATIVES[0]:
                    refused = words
                if error.dead or not wanted:
                    self.note(f"{what}: {words or 'refused'}")
                    return _Basics(False, refusal=error)
                limit = _LIMIT.search(words) if alternatives else None
                if limit and alternatives and 0 < int(limit[1]) < alternatives:
                    wanted = [int(limit[1]), None]
        seen = max((len(token.top) for token in choice.tokens), default=0)
        if not alternatives or not seen:
            self.note(f"{what}: log-probabilities were asked for, none came" + (f": {refused}" if refused else ""))
        # Alternatives that decode to one text collide where they are named by text: fewer come than there are.
        shown = alternatives if alternatives and seen >= alternatives / 2 else seen
        return _Basics(True, min(shown, alternatives or 0), choice)

    # ------------------------------------------------------------------------------------ token ids, scores

    def named_by_id(self, basics: _Basics) -> tuple[Choice, tuple[int, ...]] | None:
        """A greedy continuation whose tokens are named by id, and the prompt's ids; None where there are none."""
        if not basics.able or not basics.alternatives:
            return None

        def ask() -> tuple[Choice, tuple[int, ...]] | None:
            data = self.complete(
                _CODE,
                logprobs=basics.alternatives,
                return_tokens_as_token_ids=True,
                return_token_ids=True,
            )
            choice = read_completion(data, 1)[0]
            raw = data["choices"][0].get("prompt_token_ids")
            ids = tuple(raw) if isinstance(raw, list) and all(type(item) is int for item in raw) else ()
            if ids and choice.ids and all(token.id is not None for token in choice.tokens):
                return choice, ids
            self.note("token ids: asked for, none came")
            return None

        return self.tried("token ids", ask, None)

    def ids_taken(self, named: tuple[Choice, tuple[int, ...]] | None) -> bool:
        """Whether ids as a prompt are continued as their text is."""
        if named is None:
            return False
        choice, ids = named

        def ask() -> bool:
            again = read_completion(self.complete(list(ids)), 1)[0]
            if again.text == choice.text:
                return True
            self.note("token ids as a prompt are continued in another way than their text")
            return False

        return self.tried("token ids as a prompt", ask, False)

    def chosen(self, named: tuple[Choice, tuple[int, ...]] | None) -> bool:
        """Whether the log-probabilities of given ids come back, and are the ones that they have."""
        if named is None or not named[0].tokens[0].top:
            return False
        known = {one: value for one, value in named[0].tokens[0].top if isinstance(one, int)}
        wanted = sorted(known, key=lambda one: known[one])[:2]  # the least likely: not among the top anyway

        def ask() -> bool:
            data = self.complete(
                _CODE, max_tokens=1, logprobs=1, logprob_token_ids=wanted, return_tokens_as_token_ids=True
            )
            token = next(iter(read_completion(data, 1)[0].tokens), None)
            found = dict(token.top) if token else {}
            return all(abs(found.get(one, -1e9) - known[one]) <= TOLERANCE for one in wanted)

        return self.tried("log-probabilities of chosen ids", ask, False)

    def scored(
        self, basics: _Basics, named: tuple[Choice, tuple[int, ...]] | None
    ) -> Literal["", "echo", "prompt_logprobs"]:
        """How the log-probabilities of given text come back; only a way whose figures are right."""
        choice = named[0] if named else basics.choice
        if choice is not None and not named:
            # Without what ended the answer: a mark that no text spells.
            choice = replace(choice, tokens=_of_length(choice.tokens, choice.text))
        if not basics.alternatives or choice is None or not choice.tokens:
            return ""
        prompt: str | list[int] = [*named[1], *choice.ids] if named else _CODE + choice.text
        ids: dict[str, Any] = {"return_tokens_as_token_ids": True} if named else {}

        def echoed(most: int) -> bool:
            # One token at first: some servers take 0 for "until the context is full".
            data = self.complete(prompt, max_tokens=most, echo=True, logprobs=1, **ids)
            got = read_completion(data, 1, score=True)[0]
            tokens = got.tokens
            # The one that was generated stands behind them, unless it was the end and is not shown.
            if most and _ends_with(tokens[:-1], choice.tokens):
                tokens = tokens[:-1]
            return self.agree("echo" if most else "scoring", choice, tokens)

        def prompted() -> bool:
            data = self.complete(prompt, max_tokens=1, prompt_logprobs=1, return_token_ids=True)
            given = tuple(prompt) if not isinstance(prompt, str) else prompt
            return self.agree("prompt_logprobs", choice, read_prompt_logprobs(data, [given])[0].tokens)

        if self.tried("echo", lambda: echoed(1), False) and self.tried("scoring", lambda: echoed(0), False):
            return "echo"
        return "prompt_logprobs" if self.tried("prompt_logprobs", prompted, False) else ""

    def agree(self, what: str, choice: Choice, scored: Sequence[Token]) -> bool:
        """Whether the tokens of a continuation have, as given text, the log-probabilities that they were made
        with."""
        if len(scored) <= len(choice.tokens):
            self.note(f"{what}: the prompt's tokens did not come back")
            return False
        if not _ends_with(scored, choice.tokens):
            self.note(f"{what}: given text comes back as other tokens than it was made of")
            return False
        for made, given in zip(choice.tokens, scored[-len(choice.tokens) :], strict=True):
            if made.logprob is None or given.logprob is None or abs(made.logprob - given.logprob) > TOLERANCE:
                self.note(f"{what}: figures are wrong: made with {made.logprob}, scored with {given.logprob}")
                return False
        return True

    # -------------------------------------------------------------------------- how many, drawn how, cut where

    def answers(self, by_text: bool, **extra: Any) -> tuple[str, ...]:
        """Texts of a sampled request."""
        extra = {"temperature": 1.0} | extra
        if by_text:
            data = self.complete(_LOOSE, **extra)
            return tuple(choice.text for choice in read_completion(data, 1))
        data = self.talk(f"Write {_LOOSE.lower().removesuffix(':')}", **extra)
        return tuple(choice.text for choice in read_chat(data))

    def drawn(self, by_text: bool) -> tuple[bool, bool]:
        """(Whether several answers come at once, whether equal seeds give equal ones)."""
        none: tuple[str, ...] = ()
        many = self.tried("n", lambda: self.answers(by_text, n=3, seed=7), none)
        n = len(many) == 3 and len(set(many)) > 1
        if many and not n:
            self.note("n: one answer came" if len(many) == 1 else "n: the answers are all the same")
        if not many and self.tried("n without a seed", lambda: len(set(self.answers(by_text, n=3))) > 1, False):
            n = True
        extra: dict[str, Any] = {"n": 3} if n else {}
        first = many if many else self.tried("seed", lambda: self.answers(by_text, seed=7, **extra), none)
        again = self.tried("seed", lambda: self.answers(by_text, seed=7, **extra), none) if first else none
        seed = bool(first) and any(first) and sorted(first[: len(again)]) == sorted(again)
        if first and not seed:
            self.note("seed: equal seeds gave different answers")
        return n, seed

    def stopped(self, completion: _Basics, talk: _Basics) -> bool:
        """Whether an answer ends before a given text."""
        basics = completion if completion.able else talk
        text = basics.choice.text if basics.choice else ""
        matched = re.search(r"(?s)(?<=.)\S{1,2}", text)
        if matched is None:
            self.note("stop: could not be tried, the model said too little")
            return False
        word = matched[0]

        def ask() -> bool:
            if completion.able:
                got = read_completion(self.complete(_CODE, stop=[word]), 1)[0]
            else:
                words = f"Repeat exactly these words and nothing else: {_WORDS}"
                got = read_chat(self.talk(words, stop=[word]))[0]
            return word not in got.text and got.finish != "length"

        return self.tried("stop", ask, False)

    def several_prompts(self, basics: _Basics) -> bool:
        """Whether a list of prompts is answered in its order."""
        if not basics.able or basics.choice is None:
            return False
        expected = basics.choice.text

        def ask() -> bool:
            return read_completion(self.complete([_LOOSE, _CODE]), 2)[1].text == expected

        return self.tried("several prompts", ask, False)

    # ------------------------------------------------------------------------------------------- chat's arts

    def begun(self, able: bool) -> Literal["", "continue_final_message", "prefix"]:
        """How chat continues the beginning of an answer, and does not answer to it instead.

        A server that only ignores the flag reads the same prompt with it as without: the beginning as a turn that
        is over, and a new one opened. The count of the prompt's tokens tells.
        """
        if not able:
            return ""
        text = f"Repeat exactly these words and nothing else: {_WORDS}"

        def size(**extra: Any) -> tuple[int | None, str]:
            data = self.talk(text, begun=_BEGUN, max_tokens=4, **extra)
            usage = data.get("usage")
            count = usage.get("prompt_tokens") if isinstance(usage, dict) else None
            return (count if type(count) is int and count > 0 else None), read_chat(data)[0].text

        none: tuple[int | None, str] | None = None
        plain = self.tried("beginning of an answer", size, none)
        if plain is None:
            return ""
        flags: dict[str, Any] = {"continue_final_message": True, "add_generation_prompt": False}
        marked: dict[str, Any] = {"messages": chat_messages((Message("user", text),), _BEGUN, "prefix")}
        if self.continued(plain, self.tried("continue_final_message", lambda: size(**flags), none)):
            return "continue_final_message"
        if self.continued(plain, self.tried("prefix", lambda: size(**marked), none)):
            return "prefix"
        return ""

    def continued(self, plain: tuple[int | None, str], flagged: tuple[int | None, str] | None) -> bool:
        if flagged is None:
            return False
        if plain[0] is not None and flagged[0] is not None:
            return flagged[0] < plain[0]
        return flagged[1].lstrip().lower().startswith(_NEXT)

    def formed(self, able: bool) -> Literal["", "json_schema", "json_object"]:
        """What makes an answer follow a form that the model was told not to use."""

        def ask(form: Mapping[str, Any]) -> str:
            extra: dict[str, Any] = {"response_format": form, "max_tokens": 24}
            if able:
                return read_chat(self.talk(_PROSE, **extra))[0].text
            return read_completion(self.complete(_PROSE, **extra), 1)[0].text

        schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": _SCHEMA, "strict": True}}
        text = self.tried("json_schema", lambda: ask(schema), "")
        # A weak model may spend all its tokens on blanks between two signs, which a grammar allows.
        if _is_beginning(text, _SCHEMA_ANSWER):
            return "json_schema"
        text = self.tried("json_object", lambda: ask({"type": "json_object"}), "")
        if _is_object(text):
            return "json_object"
        self.note("structured output is not enforced")
        return ""

    # -------------------------------------------------------------------------------------------- tokenizer

    def turned(self) -> tuple[bool, tuple[str, str] | None]:
        """(Whether text becomes ids and ids text, what the chat template puts around a message)."""
        ids = {
            "model": self.model,
            "messages": [{"role": "user", "content": _MARK}],
            "add_generation_prompt": True,
        }
        text = self.tried("chat template", lambda: self.there_and_back(ids), "")
        if text.count(_MARK) == 1:
            before, _, after = text.partition(_MARK)
            return True, (before, after)
        plain = {"model": self.model, "prompt": _CODE, "add_special_tokens": False}
        return self.tried("tokenize", lambda: self.there_and_back(plain), "") == _CODE, None

    def there_and_back(self, body: Mapping[str, Any]) -> str:
        """The text of the ids that `/tokenize` makes of something."""
        data = self.server.post("//tokenize", body, patient=False).data
        if self.context is None and type(data.get("max_model_len")) is int:
            self.context = data["max_model_len"]
        ids = read_ids(data)
        return read_text(
            self.server.post("//detokenize", {"model": self.model, "tokens": list(ids)}, patient=False).data
        )


def _ends_with(tokens: Sequence[Token], tail: Sequence[Token]) -> bool:
    """Whether the last tokens are those, by id where both have one, else by text."""
    if len(tokens) < len(tail):
        return False
    pairs = zip(tokens[len(tokens) - len(tail) :], tail, strict=True)
    return all(
        one.text == other.text if None in (one.id, other.id) else one.id == other.id for one, other in pairs
    )


def _of_length(tokens: Iterable[Token], text: str) -> tuple[Token, ...]:
    """The first tokens, as many as spell `text`."""
    kept: list[Token] = []
    length = 0
    for token in tokens:
        length += len(token.text)
        if length > len(text):
            break
        kept.append(token)
    return tuple(kept)


def _is_beginning(text: str, of: str) -> bool:
    """Whether a text, blanks apart, is one of the form or the beginning of one."""
    bare = re.sub(r"\s", "", text)
    return bool(bare) and of.startswith(bare)


def _is_object(text: str) -> bool:
    """Whether a text is a JSON object, or breaks off within one."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return bool(re.match(r'\s*\{\s*("|$)', text))
