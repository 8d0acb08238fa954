"""Requests, answers and capabilities survive the way to a file and back; what is not exactly one is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Usage
from bot.endpoints import Answer, Capabilities, Choice, Message, Request, Token
from bot.endpoints.wire_form import FormError, dumps, error_form, from_form, loads, read_error, to_form
from bot.errors import BudgetSpent, EndpointError

texts = st.text(st.characters(), max_size=8)  # halves of surrogate pairs among them
logprobs = st.floats(allow_nan=False, max_value=0)
ids = st.integers(0, 200_000)
prompts = texts | st.lists(ids, max_size=4).map(tuple)
requests = st.builds(
    Request,
    kind=st.sampled_from(["complete", "chat", "score", "tokenize", "detokenize"]),
    prompts=st.lists(prompts, max_size=3).map(tuple),
    messages=st.lists(st.builds(Message, st.sampled_from(["system", "user"]), texts), max_size=2).map(tuple),
    temperature=st.floats(0, 2),
    stop=st.lists(texts, max_size=2).map(tuple),
    seed=st.none() | ids,
    top=st.none() | st.integers(0, 20),
    chosen_ids=st.lists(ids, max_size=3).map(tuple),
    ids=st.booleans(),
    schema=st.none() | st.fixed_dictionaries({"type": texts, "required": st.lists(texts, max_size=2)}),
)
tops = st.lists(st.tuples(ids | texts, logprobs), max_size=3).map(tuple)
tokens = st.builds(Token, texts, st.none() | ids, st.none() | logprobs, tops)
choices = st.builds(Choice, texts, texts, st.lists(tokens, max_size=3).map(tuple), ids, st.just((1, 2)))
answers = st.builds(
    Answer,
    st.lists(choices, max_size=3).map(tuple),
    st.builds(Usage, requests=ids, seconds=st.floats(0, 99)),
    texts,
)


@settings(deadline=None, max_examples=60)
@given(requests)
def test_requests_come_back(request: Request) -> None:
    back = from_form(Request, loads(dumps(to_form(request))))
    assert back == request
    assert back.key("m", "s") == request.key("m", "s")


@settings(deadline=None, max_examples=60)
@given(answers)
def test_answers_come_back(answer: Answer) -> None:
    back = from_form(Answer, loads(dumps(to_form(answer))))
    assert repr(back) == repr(answer)  # kinds included: 1 is not 1.0


def test_capabilities_come_back() -> None:
    able = Capabilities("m", completions=True, logprobs=20, scoring="echo", template=("<u>", "<a>"), notes=("n",))
    assert from_form(Capabilities, loads(dumps(to_form(able)))) == able
    assert from_form(Capabilities, {}) == Capabilities()


def test_no_number_is_lost() -> None:
    odd = Answer((Choice("x", tokens=(Token("x", None, -math.inf, ((5, math.nan),)),)),))
    back = from_form(Answer, loads(dumps(to_form(odd))))
    assert back.choices[0].tokens[0].logprob == -math.inf
    assert math.isnan(back.choices[0].tokens[0].top[0][1])


GOOD = to_form(Answer((Choice("x", tokens=(Token("x", 1, -0.5, ((1, -0.5),)),)),)))


@pytest.mark.parametrize(
    ("kind", "form", "message"),
    [
        (Answer, [], "Answer: not an object"),
        (Answer, {}, "choices is missing"),
        (Answer, {**GOOD, "extra": 1}, "'extra' is not known"),
        (Answer, {"choices": [{"text": 1}]}, "Answer.choices[0].text: not str"),
        (Answer, {"choices": {"text": "x"}}, "Answer.choices: not tuple"),
        (Answer, {"choices": [{"text": "x", "ids": [True]}]}, "ids[0]: not int"),
        (Answer, {"choices": [{"text": "x", "ids": [1.0]}]}, "ids[0]: not int"),
        (Answer, {"choices": [{"text": "x", "tokens": [{"text": "x", "id": 1, "logprob": True}]}]}, "logprob"),
        (Answer, {"choices": [{"text": "x", "tokens": [{"text": "x", "id": 1}]}]}, "logprob is missing"),
        (Answer, {"choices": [], "usage": {"money": "much"}}, "usage.money: not float"),
        (Request, {"kind": "sing"}, "Request.kind: not Literal"),
        (Request, {"kind": "chat", "prompts": [None]}, "prompts[0]"),
        (Request, {"kind": "chat", "schema": [1]}, "schema"),
        (Capabilities, {"template": ["only one"]}, "template"),
        (Capabilities, {"completions": 1}, "completions: not bool"),
    ],
)
def test_another_shape_is_refused(kind: type, form: object, message: str) -> None:
    with pytest.raises(FormError, match=r".*") as caught:
        from_form(kind, form)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "nul", "[NaN]", "[Infinity]", "[" * 100_000])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(FormError):
        loads(text)


def test_errors_come_back() -> None:
    error = EndpointError("gone", hint="look", slug="endpoint-unreachable", dead=True)
    back = read_error(loads(dumps(error_form(error))))
    assert (type(back), back.message, back.hint, back.slug, back.dead) == (
        EndpointError,
        "gone",
        "look",
        "endpoint-unreachable",
        True,
    )
    budget = read_error(error_form(BudgetSpent("spent", scope="review", which="budget.money")))
    assert isinstance(budget, BudgetSpent)
    assert (budget.scope, budget.which, budget.slug) == ("review", "budget.money", "endpoint-budget")


@pytest.mark.parametrize("form", [None, {}, {"slug": 1}, {"slug": "x", "dead": 1}, {"slug": "x", "message": []}])
def test_what_is_no_error_is_refused(form: object) -> None:
    with pytest.raises(FormError):
        read_error(form)


def test_defaults_are_left_out() -> None:
    assert to_form(Request("chat")) == {"kind": "chat"}
    assert to_form(replace(Request("chat"), top=0)) == {"kind": "chat", "top": 0}
