"""CWE-78: a shell that runs what an argument says.

The command is taken where it would start and never run: a real `sh` reads it with an empty search path and every
slash made harmless, so that of all that it says only one thing can happen: the payload's own word, a shell
function that leaves a mark. What is quoted rightly is never called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame
from bot.languages.python.attacks.subject import Site, Subject

SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "ash"})
DIRECT = frozenset(
    {
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
        "pty.spawn",
        "commands.getoutput",
    }
)
STARTERS = frozenset(
    {
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "subprocess.Popen",
        "asyncio.create_subprocess_exec",
    }
)
BY_CONTRACT = frozenset(
    {"cmd", "command", "commands", "cmdline", "command_line", "script", "shell_command", "argv", "args"}
)
"""Names of parameters that are commands: who gives one means it to be run."""

PAYLOADS = (
    '"zq;zq7hit"',
    "\"zq';zq7hit;'\"",
    "'zq\";zq7hit;\"'",
    '"$(zq7hit)"',
    '"`zq7hit`"',
    r'"zq\nzq7hit\n"',
    '"zq|zq7hit"',
    '"zq&&zq7hit"',
    '"zq||zq7hit"',
    '"zq & zq7hit #"',
    "\"zq'$(zq7hit)'\"",
    '"zq\\\\\';zq7hit #"',
)

SENSORS = '''\
REAL = subprocess.Popen
SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash")


def started(command, **options):
    """Notes a command in place of running it, and gives a process that has ended well."""
    listed = not isinstance(command, (str, bytes))
    words = [os.fsdecode(word) for word in command] if listed else [os.fsdecode(command)]
    if options.get("shell"):
        HITS.append((words[0], place()))
    elif len(words) > 2 and os.path.basename(words[0]) in SHELLS and words[1].endswith("c"):
        HITS.append((words[2], place()))
    text = options.get("text") or options.get("universal_newlines") or options.get("encoding")
    process = mock.MagicMock(returncode=0, stdout=io.BytesIO(), stderr=io.BytesIO())
    process.communicate.return_value = ("", "") if text else (b"", b"")
    process.poll.return_value = process.wait.return_value = 0
    process.__enter__.return_value = process
    return process


def watch(tmp_path, monkeypatch):
    def popen(args, *more, **options):
        return started(args, **options)

    replaced(monkeypatch, subprocess, "Popen", popen)
    replaced(monkeypatch, os, "system", lambda command: started(command, shell=True).returncode)


def landed(payload, result, tmp_path):
    """Lets `sh` read the commands, with no program in reach but the payload's own word."""
    mark = tmp_path / "mark"
    environment = {"PATH": "", "HOME": str(tmp_path), "MARK": str(mark)}
    for command, stack in HITS:
        if command.strip() == payload.strip():
            continue
        script = 'zq7hit() { : > "$MARK"; }\\nkill() { :; }\\n' + command.replace("/", "_")
        quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            process = REAL(["/bin/sh", "-c", script], env=environment, cwd=str(tmp_path), **quiet)
            try:
                process.wait(5)
            finally:
                process.kill()
        if mark.exists():
            mark.unlink()
            return "a shell: " + command[:100], stack
    return None
'''


def commands(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that start a shell."""
    site = next((each for each in subject.sites if starts_shell(each)), None)
    if site is None:
        return
    for target in subject.targets:
        if target.parameter in BY_CONTRACT:
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"let a shell run what its argument `{target.label}` says",
                test="runs_no_command_of_its_argument",
                payloads=PAYLOADS,
                sensors=SENSORS,
                imports=("import contextlib", "import io", "import subprocess", "from unittest import mock"),
            ),
            rule="command-injection",
            cwe=78,
            title=f"`{subject.name}` lets a shell run what its argument `{target.label}` says",
            severity="critical" if target.kind != "path" else "high",
            why="Whoever chooses the argument runs commands of his own with the rights of this process.",
            line=site.line,
            limits="that the argument can come from a stranger is not shown",
        )


def starts_shell(site: Site) -> bool:
    """Whether a call may hand a text to a shell."""
    if site.name in DIRECT:
        return True
    if site.name not in STARTERS:
        return False
    if site.true("shell") or any(keyword.arg is None for keyword in site.node.keywords):
        return True
    return any(
        isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.rpartition("/")[2] in SHELLS
        for argument in site.node.args[:2]
        for each in ast.walk(argument)
    )
