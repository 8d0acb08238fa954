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
    Case(
        "neighbours",
        "files, memory, environment and shared memory of another run or candidate, beside it and after it",
        "a user of its own each: nothing is read, nothing of the last is found",
        "test_neighbours.py::test_a_candidate_reads_nothing_of_another",
        {"bubblewrap, one user": ONE_USER},
    ),
    Case(
        "forks",
        "fork bombs, also in sessions of their own; threads without end",
        "the engine counts no more than the limit; the next job works, or the container ends and says so",
        "test_greedy_abuse.py::test_processes_and_threads_are_counted_by_the_kernel",
    ),
    Case(
        "memory",
        "heap, shared mappings, sockets' buffers, temporary files",
        "the engine counts no more than the limit",
        "test_greedy_abuse.py::test_memory_of_every_kind_counts",
        {"bubblewrap, one user": "where no control group can be had, memory is limited for each process alone"},
    ),
    Case(
        "processors",
        "endless loops in many processes",
        "stopped by the clock; no more than their share of processors meanwhile",
        "test_greedy_abuse.py::test_all_processes_together_use_no_more_than_their_cores",
        {"bubblewrap, one user": "where no control group can be had, only the clocks limit it"},
    ),
    Case(
        "floods",
        "output and reports without end, huge messages, broken text, 90,000 tests",
        "cut, told as what it is, never a pass",
        "test_greedy_abuse.py::test_a_flood_of_words_is_bounded_and_no_pass",
    ),
    Case(
        "daemons",
        "processes that are deaf to signals and fork away from their session",
        "gone with their job",
        "test_greedy_abuse.py::test_daemons_that_are_deaf_do_not_outlive_their_job",
    ),
    Case(
        "archives-out",
        "links, hard links, huge and sparse files, paths that lead out, in what is fetched",
        "only plain files of bounded size",
        "test_neighbours.py::test_what_is_fetched_is_a_plain_file_of_bounded_size",
    ),
    Case(
        "generated",
        "links, pipes, sockets and huge files that an installation leaves",
        "plain files alone cross into sandboxes, owned by the agent's user",
        "test_neighbours.py::test_what_an_installation_makes_crosses_as_plain_files_alone",
    ),
    Case(
        "loaders",
        "conftest.py, sitecustomize, .pth files, plugins, entry points, build backends, setup.py, settings of the "
        "branch, links to the host's files",
        "secrets and host untouched, no network but while dependencies are installed, the finding is told",
        "test_review_abuse.py::test_what_loads_itself_everywhere_reaches_nothing_and_hides_nothing",
        {"bubblewrap": "the installation runs in the host's network"},
    ),
    Case(
        "forged-reports",
        "a test that writes a green report to every descriptor, and a good exit code",
        "no pass",
        "test_review_abuse.py::test_a_forged_report_and_a_good_exit_make_no_pass",
    ),
    Case(
        "green-hooks",
        "a conftest.py of the branch that makes every test pass",
        "nothing is approved; the reader is told that it changed",
        "test_review_abuse.py::test_hooks_of_the_branch_that_make_all_green_are_told",
    ),
    Case(
        "greedy-tests",
        "a suite with a fork bomb, a memory bomb and a daemon",
        "they cost their own outcomes; the honest test's failure is told; nothing is left",
        "test_review_abuse.py::test_greedy_tests_cost_their_own_outcomes_alone",
    ),
    Case(
        "words",
        "terminal escapes, workflow commands, HTML and mentions in names, output and failures",
        "text, on the terminal, in the log and in Markdown",
        "test_review_abuse.py::test_words_of_the_repository_stay_words",
    ),
    Case(
        "forged-candidates",
        "rewrites that reach for the runner, the report, the tests, the interpreter, or know where they run",
        "none reaches an accepted verdict with the policy; without it no run can be forged",
        "test_forging.py::test_without_a_policy_no_run_can_be_forged",
    ),
)


def rows(cases: tuple[Case, ...] = CASES) -> Iterator[str]:
    """The table in Markdown, for the documents."""
    yield "| Case | What is tried | What holds | Not on |"
    yield "| --- | --- | --- | --- |"
    for case in cases:
        less = "; ".join(f"{backend}: {why}" for backend, why in sorted(case.not_on.items()))
        yield f"| `{case.name}` | {case.tries} | {case.held} | {less or '–'} |"
