import asyncio

from fetching.parallel import fetch_all


async def fetch(name):
    return name.upper()


def test_fetch():
    assert asyncio.run(fetch_all(fetch, ["a"])) == {"a": "A"}
    assert asyncio.run(fetch_all(fetch, [])) == {}
