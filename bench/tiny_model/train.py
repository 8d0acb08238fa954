"""Trains the tiny model from scratch on one thread. Run by a Python that has torch, not by the product's.

    OMP_NUM_THREADS=1 nice .cache/vllm/bin/python bench/tiny_model/train.py CORPUS OUT [--seconds N N N]
        [--start MODEL --rate R]

CORPUS is a folder that corpus.py wrote: `tokenizer.txt` (for the tokenizer) and `stage1.jsonl`, `stage2.jsonl`
and so on, one example a line. The model is saved after each stage. `--start` goes on from a model and its
tokenizer: that is enough where prompts have changed a little.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import LlamaConfig, PreTrainedTokenizerFast

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "live"))
from weights import tokenizer_of

VOCABULARY = 1024
WIDTH, LAYERS, HEADS, INNER = 128, 3, 4, 352
CONTEXT = 2048
BATCH_TOKENS = 6_000
"""Tokens of one step."""
HOT = 8.0
"""Weight of the tokens that decide, against 1 for the rest of an answer."""
COLD = 0.05
"""Weight of a prompt's own tokens: enough to learn what text looks like."""
RATE = 2e-3
ROPE = 10_000.0


class Block(nn.Module):
    """One layer of a Llama, its parameters named as transformers names them."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(WIDTH, eps=1e-6)
        self.post_attention_layernorm = nn.RMSNorm(WIDTH, eps=1e-6)
        self.self_attn = nn.ModuleDict(
            {name: nn.Linear(WIDTH, WIDTH, bias=False) for name in ("q_proj", "k_proj", "v_proj", "o_proj")}
        )
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": nn.Linear(WIDTH, INNER, bias=False),
                "up_proj": nn.Linear(WIDTH, INNER, bias=False),
                "down_proj": nn.Linear(INNER, WIDTH, bias=False),
            }
        )

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """The layer's output."""
        batch, length, _ = x.shape
        h = self.input_layernorm(x)
        q, k, v = (
            self.self_attn[name](h).view(batch, length, HEADS, -1).transpose(1, 2)
            for name in ("q_proj", "k_proj", "v_proj")
        )
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.self_attn["o_proj"](out.transpose(1, 2).reshape(batch, length, WIDTH))
        h = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](h)) * self.mlp["up_proj"](h))


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions, halves as transformers has them."""
    one, two = x.chunk(2, -1)
    return x * cos + torch.cat((-two, one), -1) * sin


class Llama(nn.Module):
    """The model, as transformers and vLLM have it."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(vocabulary, WIDTH)
        self.layers = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)
        angle = torch.outer(
            torch.arange(CONTEXT).float(), ROPE ** (-torch.arange(0, WIDTH // HEADS, 2).float() / (WIDTH // HEADS))
        )
        self.register_buffer("cos", torch.cat((angle, angle), -1).cos(), persistent=False)
        self.register_buffer("sin", torch.cat((angle, angle), -1).sin(), persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                scale = (
                    0.02 / math.sqrt(2 * LAYERS) if name.endswith(("o_proj.weight", "down_proj.weight")) else 0.02
                )
                nn.init.normal_(parameter, std=2 * scale)

    def forward(self, ids: Tensor) -> Tensor:
        """The last hidden states of each row."""
        x = self.embed_tokens(ids)
        for layer in self.layers:
            x = layer(x, self.cos[: ids.shape[1]], self.sin[: ids.shape[1]])
        return self.norm(x)


class Stage:
    """Examples of one kind, as ids and weights."""

    def __init__(self, path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        self.rows: list[tuple[list[int], list[float]]] = []
        for row in rows:
            ids, weights = encoded(tokenizer, row)
            if len(ids) <= CONTEXT:
                self.rows.append((ids, weights))
        self.left_out = len(rows) - len(self.rows)

    def batches(self, rng: random.Random) -> list[list[int]]:
        """Indices of examples of like length, in random order."""
        order = sorted(range(len(self.rows)), key=lambda at: (len(self.rows[at][0]) // 16, rng.random()))
        found: list[list[int]] = [[]]
        for at in order:
            longest = len(self.rows[at][0])
            if found[-1] and (len(found[-1]) + 1) * longest > BATCH_TOKENS:
                found.append([])
            found[-1].append(at)
        rng.shuffle(found)
        return found

    def tensors(self, batch: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        """(inputs, targets, weights), short ones padded on the right with weight 0."""
        longest = max(len(self.rows[at][0]) for at in batch)
        ids = torch.zeros(len(batch), longest, dtype=torch.long)
        weights = torch.zeros(len(batch), longest)
        for row, at in enumerate(batch):
            mine, heavy = self.rows[at]
            ids[row, : len(mine)] = torch.tensor(mine)
            weights[row, : len(mine)] = torch.tensor(heavy)
        return ids[:, :-1], ids[:, 1:], weights[:, 1:]


def encoded(tokenizer: PreTrainedTokenizerFast, row: dict) -> tuple[list[int], list[float]]:
    """Ids of an example and the weight of each: `parts` are [text, weight], tokenized one by one as when sent."""
    ids: list[int] = []
    weights: list[float] = []
    for text, weight in row["parts"]:
        mine = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += mine
        weights += [{"prompt": COLD, "answer": 1.0, "hot": HOT}[weight]] * len(mine)
    return ids, weights


def trained(
    model: Llama, stages: list[Stage], seconds: list[float], rate: float, seed: int, save: Callable[[], None]
) -> None:
    """Trains each stage for so many CPU seconds; the rate of learning falls over all of them."""
    rng = random.Random(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    began, step, seen, mean, at = time.process_time(), 0, 0, 0.0, -1
    queue: list[list[int]] = []
    whole = sum(seconds)
    ends = [sum(seconds[: n + 1]) for n in range(len(seconds))]
    while (spent := time.process_time() - began) < whole:
        now = next(n for n, end in enumerate(ends) if spent < end)
        if now != at and at >= 0:
            save()
        if now != at or not queue:
            at, queue = now, stages[now].batches(rng)
        stage = stages[at]
        inputs, targets, weights = stage.tensors(queue.pop())
        share = spent / whole
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 60) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))
        hidden = model(inputs)
        wanted = weights > 0
        logits = hidden[wanted] @ model.embed_tokens.weight.T
        losses = F.cross_entropy(logits, targets[wanted], reduction="none")
        heavy = weights[wanted]
        loss = (losses * heavy).sum() / heavy.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, seen = step + 1, seen + inputs.numel()
        hot = losses[heavy == HOT]
        if len(hot):
            mean = 0.95 * mean + 0.05 * hot.mean().item() if step > 1 else hot.mean().item()
        if step % 10 == 0:
            print(
                f"{spent:6.0f} s stage {at + 1} step {step} {seen:9d} tokens "
                f"loss {loss.item():.3f} hot {mean:.3f}",
                flush=True,
            )


def saved(model: Llama, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """The model as transformers and vLLM read it, in half precision."""
    config = LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-6,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        dtype="float16",
    )
    out.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(out)
    tokenizer.save_pretrained(out)
    state = {f"model.{name}": value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, out / "model.safetensors", metadata={"format": "pt"})


def main() -> None:
    """Trains and saves, every stage's beginning and end said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", default=[350, 350, 700])
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    if args.start:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(args.start)
    else:
        texts = (args.corpus / "tokenizer.txt").read_text(encoding="utf-8")
        tokenizer = tokenizer_of(iter(texts.split("\0")), VOCABULARY)
    stages = [Stage(path, tokenizer) for path in sorted(args.corpus.glob("stage*.jsonl"))]
    for stage in stages:
        sizes = sorted(len(ids) for ids, _ in stage.rows)
        print(
            f"{len(sizes)} examples, {sizes[0]} to {sizes[-1]} tokens, median {sizes[len(sizes) // 2]}, "
            f"{stage.left_out} too long",
            flush=True,
        )
    model = Llama(len(tokenizer))
    if args.start:
        state = load_file(args.start / "model.safetensors")
        model.load_state_dict({name.removeprefix("model."): value.float() for name, value in state.items()})
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(tokenizer)} tokens", flush=True)
    trained(model, stages, args.seconds, args.rate, args.seed, lambda: saved(model, tokenizer, args.out))
    saved(model, tokenizer, args.out)


if __name__ == "__main__":
    main()
