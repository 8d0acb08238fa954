"""Any OpenAI-compatible server as an endpoint: what it can do is found out by asking, never assumed."""

from __future__ import annotations

from bot.endpoints.openai.client import OpenAI

__all__ = ["OpenAI"]
