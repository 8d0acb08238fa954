import asyncio

from events.bus import emit


def test_plain_functions():
    assert asyncio.run(emit([str.upper, lambda event: None], "hi")) == ["HI"]
