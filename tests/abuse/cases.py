"""The abuse suite as a table: what hostile code tries, what holds it, and what shows that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parents[1] / "samples" / "hostile"
PREAMBLE = (PROGRAMS / "_preamble.py").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Case:
    """One row: an attack and its answer."""

    name: str
    tries: str
    held: str
    proof: str = ""
    """The test that shows it, `file::test`; empty where it is the program of its name in the samples."""
    not_on: Mapping[str, str] = field(default_factory=dict)
    """Backends on which it does not hold, and why."""

    @property
    def program(self) -> str:
        """Python that is run inside, as a candidate would be; empty where a test of its own shows the case."""
        return "" if self.proof else (PROGRAMS / f"{self.name.replace('-', '_')}.py").read_text(encoding="utf-8")


ONE_USER = "all repository code of a sandbox runs as one user"
CACHE = "the table of mounts names the folder of the cache, whose prepared files it shows read-only"

CASES = (
    Case("network", "TCP, UDP and IPv6 to every address of the host", "listeners on the host hear nothing"),
    Case("metadata", "the metadata services of clouds", "no route"),
    Case("names", "name resolution, queries to name servers", "no answer, no route"),
    Case(
        "socket-families",
        "raw and packet sockets, netlink, vsock, kernel crypto and every other family",
        "refused; a vsock listener on the host hears nothing",
    ),
    Case("host-sockets", "the engine's socket, the host's abstract sockets", "not there"),
    Case(
        "host-files",
        "files, folders and disks of the host",
        "not there; files on the host unchanged",
        not_on={"bubblewrap": CACHE, "bubblewrap, one user": CACHE},
    ),
    Case(
        "secrets",
        "environment, command lines and memory of all processes, `/run`, `/etc`, `.git`",
        "nothing of ours",
    ),
    Case(
        "agent",
        "memory, files and namespaces of PID 1 through `/proc`",
        "refused",
        not_on={
            "bubblewrap, one user": f"{ONE_USER}, the agent too; its memory and files are refused all the same"
        },
    ),
    Case(
        "signals",
        "killing and stopping PID 1 and everybody else",
        "refused",
        not_on={"bubblewrap, one user": f"{ONE_USER}; PID 1 does not mind, others are ended"},
    ),
    Case("kernel-files", "`/proc/sys`, `/sys`, control groups, kernel memory", "refused"),
    Case(
        "system-calls",
        "io_uring, ptrace, keyrings, bpf, namespaces, mounting, modules, clocks and some thirty more",
        "refused for what they are",
    ),
    Case(
        "identity",
        "other users and groups, capabilities, set-uid programs of the image",
        "refused; there are none",
    ),
    Case("set-uid", "a set-uid program of its own", "has no effect"),
    Case("limits", "raising its limits, priority and schedule", "refused"),
    Case(
        "image",
        "changing the image, the interpreter and the agent's own files",
        "refused; the engine sees no change",
        not_on={
            "bubblewrap, one user": f"{ONE_USER}: files can be put beside the agent's, which stay as they are"
        },
    ),
    Case("devices", "making device files, finding some", "refused; only harmless ones"),
    Case("terminal", "a terminal to type into", "there is none"),
    Case("descriptors", "files and sockets that were left open", "only its own pipes"),
)


def rows(cases: tuple[Case, ...] = CASES) -> Iterator[str]:
    """The table in Markdown, for the documents."""
    yield "| Case | What is tried | What holds | Not on |"
    yield "| --- | --- | --- | --- |"
    for case in cases:
        less = "; ".join(f"{backend}: {why}" for backend, why in sorted(case.not_on.items()))
        yield f"| `{case.name}` | {case.tries} | {case.held} | {less or '–'} |"
