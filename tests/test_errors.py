"""The family of errors: what is said to whom."""

from __future__ import annotations

import pytest

from bot.errors import EndpointError, without_addresses


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("http://10.0.0.3:8000/v1 refused the key (401): no", "the endpoint refused the key (401): no"),
        ("coder-7b at https://llm.corp.example/v1: no answer.", "the endpoint: no answer."),
        ("asked `http://a/v1`, then (https://b/v1)", "asked `the endpoint`, then (the endpoint)"),
        ("the budget is spent", "the budget is spent"),
    ],
)
def test_strangers_do_not_read_where_an_endpoint_runs(text: str, public: str):
    assert without_addresses(text) == public
    assert EndpointError(text, slug="endpoint-server").public == public
