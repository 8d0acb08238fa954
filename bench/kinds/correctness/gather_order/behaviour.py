import asyncio

from fetching.parallel import fetch_all

DELAYS = {"slow": 0.05, "fast": 0.0, "bad": 0.01}


async def fetch(name):
    await asyncio.sleep(DELAYS[name])
    if name == "bad":
        raise OSError(name)
    return name.upper()


def test_answers_belong_to_their_names():
    answers = asyncio.run(fetch_all(fetch, ["slow", "bad", "fast"]))
    assert list(answers.items()) == [("slow", "SLOW"), ("fast", "FAST")]
