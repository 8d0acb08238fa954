"""Starts and ends a real vLLM server on the CPU, with a model of random weights that is made on the spot."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = "tiny"
KEY = "sk-test"
CONTEXT = 4096
TOP = 20
READY_SECONDS = 280.0
"""Less than pytest's own limit for one test, so that the log is shown. A start takes 30 s on an idle machine."""

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    # More threads spin against each other on a busy machine: 15 times slower were measured.
    "OMP_NUM_THREADS": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "GLOO_SOCKET_IFNAME": "lo",
}


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    url: str
    """Base URL, `/v1` included."""
    key: str
    model: str
    context: int
    weights: Path
    """What it serves: the model's folder."""


def environment() -> dict[str, str]:
    """Ours, without proxies for loopback and with bytecode: each start would compile thousands of files."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | OFFLINE


def python() -> Path:
    """The interpreter that has vLLM. Fails the test when there is none."""
    found = ROOT / os.environ.get("LIVE_VLLM", ".cache/vllm") / "bin" / "python"
    if not found.exists():
        pytest.fail(f"{found} does not exist: run `make vllm` (or check with `make check`, which needs no server)")
    return found


def make_weights(folder: Path) -> Path:
    """A model with its tokenizer in `folder`."""
    command = [python(), ROOT / "tests" / "live" / "weights.py", folder, ROOT / "bot"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"no weights could be made:\n{done.stderr[-3000:]}")
    return folder


def start(weights: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """The server's first process, in a process group of its own; it may not answer yet."""
    options = {
        "--model": weights,
        "--served-model-name": MODEL,
        "--host": "127.0.0.1",
        "--port": port,
        "--api-key": KEY,
        "--dtype": "float32",
        "--max-model-len": CONTEXT,
        "--max-num-seqs": 16,
        "--max-logprobs": TOP,
        "--structured-outputs-config": '{"backend":"xgrammar","disable_any_whitespace":true}',
    }
    command = [str(python()), "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    # On a CPU vLLM 0.32 dies of a seeded request whose prompt it works on in parts: "does not use offset".
    command += ["--enable-prefix-caching", "--enable-prompt-tokens-details", "--no-enable-chunked-prefill"]
    command += [str(part) for option in options.items() for part in option]
    with log.open("wb") as out:
        return subprocess.Popen(
            command, env=environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Returns when the server answers; fails the test with the end of its log when it does not."""
    give_up = time.monotonic() + READY_SECONDS
    while time.monotonic() < give_up:
        if process.poll() is not None:
            pytest.fail(f"vLLM ended with {process.returncode}:\n{tail(log)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    pytest.fail(f"vLLM did not answer within {READY_SECONDS:.0f} s:\n{tail(log)}")


def tail(log: Path) -> str:
    """The end of a log."""
    return log.read_text(encoding="utf-8", errors="replace")[-6000:]


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends the server and its workers, and waits until all of them are gone."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(20)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(20)
    # A killed worker is there until the kernel has got round to it, which takes a while on a busy machine.
    give_up = time.monotonic() + 20
    while running(process.pid) and time.monotonic() < give_up:
        time.sleep(0.02)


def running(group: int) -> list[str]:
    """Processes of a group that still run; those that have ended and that nobody has asked after are none."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text("utf-8").rpartition(")")[2].split()[:3]
            if its_group == str(group) and state not in "ZX":
                found.append(stat.parent.name)
    return found
