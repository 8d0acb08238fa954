"""Fetching several things at once."""

import asyncio


async def fetch_all(fetch, names):
    """name -> answer, in the order of the names; those that fail are left out."""
    answers = await asyncio.gather(*(fetch(name) for name in names), return_exceptions=True)
    return {name: answer for name, answer in zip(names, answers) if not isinstance(answer, Exception)}
