"""A missing await."""
# --- module
import asyncio
# --- original
async def fetch_all(client, urls):
    return [client.get(url) for url in urls]
# --- candidate
async def fetch_all(client, urls):
    return await asyncio.gather(*(client.get(url) for url in urls))
