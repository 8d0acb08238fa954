"""Servers for tests: an OpenAI-compatible one around toy models, and a proxy that spoils its answers."""

from __future__ import annotations

from servers.abilities import HOSTED, LLAMA_CPP, PREFIXED, REASONING, TRANSFORMERS, VLLM, Abilities
from servers.faults import Fault, FaultyProxy, refusal
from servers.models import FLOOR, Scripted, Toy
from servers.tokens import END, Tokenizer
from servers.toy import Asked, ToyServer

__all__ = [
    "END",
    "FLOOR",
    "HOSTED",
    "LLAMA_CPP",
    "PREFIXED",
    "REASONING",
    "TRANSFORMERS",
    "VLLM",
    "Abilities",
    "Asked",
    "Fault",
    "FaultyProxy",
    "Scripted",
    "Tokenizer",
    "Toy",
    "ToyServer",
    "refusal",
]
