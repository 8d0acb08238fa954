"""What a played server can do: real ones' habits, each to be switched by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Abilities:
    """The habits of one server. The defaults are vLLM's; the other rows were seen at real servers too."""

    style: Literal["vllm", "llama.cpp", "transformers", "openai"] = "vllm"
    """Whose words errors have."""
    models: bool = True
    """Whether /v1/models lists the model; llama.cpp and hosted APIs do so without `max_model_len`."""
    completions: bool = True
    chat: bool = True
    token_prompts: bool = True
    """Whether prompts may be ids; otherwise 500 (llama.cpp) or 400."""
    token_names: bool = True
    """Whether `return_tokens_as_token_ids` and `return_token_ids` are honoured; otherwise ignored."""
    batch: bool = True
    """Whether several prompts may come in one request; otherwise 500 or 400."""
    logprobs: int = 20
    """Most alternatives per token of a completion; 0: `logprobs` is ignored without a word."""
    chat_logprobs: int = 20
    over: Literal["refused", "served"] = "refused"
    """What happens when more alternatives are wanted: 400, or as many as wanted."""
    echo: Literal["yes", "off-by-one", "ignored", "refused"] = "yes"
    """`off-by-one`: the log-probabilities of echoed tokens are those of their neighbours (llama.cpp)."""
    nothing: Literal["scores", "endless", "fails", "ignored"] = "scores"
    """What `max_tokens` 0 does: with echo it scores (without, 400); generates up to the context's end
    (llama.cpp); 500 (transformers); counts as not given (16)."""
    prompt_logprobs: bool = True
    logprob_token_ids: bool = True
    n: Literal["yes", "ignored", "refused", "same"] = "yes"
    """`same`: as many choices as wanted, all alike."""
    greedy_n: bool = False
    """Whether several choices are given at temperature 0; otherwise 400, as vLLM does."""
    seed: bool = True
    """Whether equal seeds give equal answers; otherwise the field is ignored."""
    names_end: bool = True
    """Whether the token that ends an answer is among its tokens."""
    always_stops: bool = False
    """Whether every answer is said to have stopped, one cut at `max_tokens` too."""
    stop: bool = True
    continuing: Literal["", "continue_final_message", "prefix"] = "continue_final_message"
    """How chat continues the beginning of an answer; other ways are ignored: a new turn begins."""
    schema: Literal["", "json_object", "json_schema"] = "json_schema"
    """What of `response_format` is enforced; `json_schema` includes `json_object`; the rest is ignored."""
    tokenize: bool = True
    strips: bool = False
    """Whether /detokenize drops the blank that a text begins with (SentencePiece)."""
    begin: bool = False
    """Whether text prompts get a token that begins them."""
    unknown: Literal["ignored", "refused"] = "ignored"
    """What happens to fields that the server does not know: nothing, or 422."""
    refuses: frozenset[str] = frozenset()
    """Fields that are answered with 400, as hosted APIs do."""
    usage: bool = True
    cached: bool = True
    """Whether usage tells how many tokens the prefix cache held, in blocks of 16."""
    context: int = 4096
    checks_model: bool = True
    """Whether an unknown model is refused; llama.cpp serves it under the name that was asked for."""


VLLM = Abilities()
LLAMA_CPP = Abilities(
    style="llama.cpp",
    token_prompts=False,
    token_names=False,
    batch=False,
    over="served",
    echo="off-by-one",
    nothing="endless",
    prompt_logprobs=False,
    logprob_token_ids=False,
    n="ignored",
    continuing="",
    schema="json_object",
    tokenize=False,
    cached=False,
    checks_model=False,
)
TRANSFORMERS = Abilities(
    style="transformers",
    models=False,
    token_prompts=False,
    token_names=False,
    batch=False,
    logprobs=0,
    chat_logprobs=0,
    echo="ignored",
    nothing="fails",
    prompt_logprobs=False,
    logprob_token_ids=False,
    n="ignored",
    seed=False,
    continuing="",
    schema="",
    tokenize=False,
    unknown="refused",
    cached=False,
)
HOSTED = Abilities(
    style="openai",
    completions=False,
    logprobs=0,
    token_names=False,
    echo="refused",
    prompt_logprobs=False,
    logprob_token_ids=False,
    greedy_n=True,
    continuing="",
    tokenize=False,
    unknown="refused",
)
"""A hosted chat model: log-probabilities, several choices, structured output; no completions."""
REASONING = Abilities(
    style="openai",
    completions=False,
    logprobs=0,
    chat_logprobs=0,
    token_names=False,
    echo="refused",
    prompt_logprobs=False,
    logprob_token_ids=False,
    greedy_n=True,
    continuing="",
    tokenize=False,
    unknown="refused",
    refuses=frozenset({"max_tokens", "temperature", "top_p", "logprobs", "top_logprobs", "stop"}),
)
"""A hosted reasoning model: refuses most of what steers sampling, and wants `max_completion_tokens`."""
PREFIXED = Abilities(
    style="openai",
    completions=False,
    logprobs=0,
    token_names=False,
    echo="refused",
    prompt_logprobs=False,
    logprob_token_ids=False,
    n="ignored",
    seed=False,
    continuing="prefix",
    schema="json_object",
    tokenize=False,
)
"""A hosted chat model that continues the beginning of an answer (`prefix: true`)."""
