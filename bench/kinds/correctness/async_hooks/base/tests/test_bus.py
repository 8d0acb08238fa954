import asyncio

from events.bus import emit


async def shout(event):
    return event.upper()


async def silent(event):
    return None


def test_emit():
    assert asyncio.run(emit([shout, silent, shout], "hi")) == ["HI", "HI"]
    assert asyncio.run(emit([], "hi")) == []
