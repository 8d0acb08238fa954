"""Fetching several things at once."""

import asyncio


async def fetch_all(fetch, names):
    """name -> answer, in the order of the names; those that fail are left out."""
    answers = []
    for pending in asyncio.as_completed([fetch(name) for name in names]):
        try:
            answers.append(await pending)
        except Exception:
            continue
    return dict(zip(names, answers))
