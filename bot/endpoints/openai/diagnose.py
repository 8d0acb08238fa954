"""What an endpoint is and can do, as lines for `tryline doctor`."""

from __future__ import annotations

from bot.endpoints import Capabilities
from bot.errors import EndpointError
from bot.sandboxes import Diagnosis
from bot.wire import clean

TIERS = {
    "A": "line-level CFG; token-level CFG when asked for",
    "B": "a prefix and log-probabilities: guidance without scoring",
    "C": "chat with log-probabilities: execution-conditioned sampling",
    "D": "no log-probabilities: execution-conditioned sampling",
    "E": "nothing that helps: built-in edits only",
}
"""What each tier means for a rewrite (docs/architecture.md)."""


def rows(url: str, can: Capabilities, *, key: bool) -> tuple[Diagnosis, ...]:
    """The lines for an endpoint that answered. What it cannot do is no fault, as long as it can do something."""
    lines = [
        _asked(url, key=key),
        _told("model", clean(can.model, 200)),
        Diagnosis(
            "tier",
            can.tier != "E",
            f"{can.tier}: {TIERS[can.tier]}",
            "" if can.tier != "E" else "The notes below say what the server answered; does the URL end in /v1?",
        ),
        _told("completions", _yes(can.completions) + _with(can.logprobs, "{} log-probabilities for each token")),
        _told("chat", _yes(can.chat) + _with(can.chat_logprobs, "{} log-probabilities for each token")),
        _told("scoring of given text", can.scoring or "no"),
        _told("token ids", _yes(can.token_ids) + _with(can.chosen_ids, "log-probabilities of chosen ids")),
        _told("several answers, several prompts", f"{_yes(can.n)}, {_yes(can.batch)}"),
        _told("seed, stop", f"{_yes(can.seed)}, {_yes(can.stop)}"),
        _told("beginning of an answer", can.prefix or "no"),
        _told("structured output", can.schema or "no"),
        _told("tokenizer", _yes(can.tokenize) + _with(can.template is not None, "and the chat template")),
        _told("context", "not told" if can.context is None else f"{can.context} tokens"),
    ]
    return (*lines, *(_told("note", clean(note, 300)) for note in can.notes))


def unreached(url: str, model: str, error: EndpointError, *, key: bool) -> tuple[Diagnosis, ...]:
    """The lines for an endpoint that could not be asked."""
    return (
        _asked(url, key=key),
        _told("model", model or "not chosen"),
        Diagnosis("tier", False, clean(error.message, 500), error.hint),
    )


def _asked(url: str, *, key: bool) -> Diagnosis:
    return _told("endpoint", f"{url}, {'with a key' if key else 'no key'}")


def _told(name: str, detail: str) -> Diagnosis:
    return Diagnosis(name, True, detail)


def _yes(able: bool) -> str:
    return "yes" if able else "no"


def _with(figure: int | bool, words: str) -> str:
    return f", {words.format(figure)}" if figure else ""
