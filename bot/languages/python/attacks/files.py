"""CWE-377, CWE-732, CWE-117: files that others prepare, may change, or read lines in that nobody wrote.

A file in the shared temporary folder is tried with what another user can do there: a link waits under the name,
and leads to a file of the test. Permissions are read where they are set, and on the files that are left.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Site, Subject

TEMPORARY = '''\
STATE = {}


def seen(event, args):
    """Notes a file that is opened for writing in a shared folder, under a name that others may take before."""
    if event == "open" and "on" in STATE and isinstance(args[0], str) and isinstance(args[2], int):
        writes, alone = args[2] & (os.O_WRONLY | os.O_RDWR), args[2] & os.O_EXCL
        shared = os.path.dirname(args[0]) in ("/tmp", "/var/tmp", STATE["on"])
        if writes and not alone and shared:
            HITS.append((args[0], place()))


sys.addaudithook(seen)


def waiting(path, tmp_path):
    """Puts a link in a file's place; gives what it leads to."""
    victim = tmp_path / "of-somebody-else"
    os.symlink(str(victim), path)
    return victim


def watch(tmp_path, monkeypatch):
    (tmp_path / "shared").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "shared"))
    monkeypatch.setitem(STATE, "on", str(tmp_path / "shared"))
    real = tempfile.mktemp

    def mktemp(*args, **kwargs):
        path = real(*args, **kwargs)
        STATE["victim"] = waiting(path, tmp_path)
        return path

    replaced(monkeypatch, tempfile, "mktemp", mktemp)


def landed(payload, result, tmp_path):
    if "victim" in STATE and STATE["victim"].exists():
        return "a file written through a link that waited", []
    for path, where in dict(HITS).items():
        there = os.path.lexists(path)
        if there:
            os.rename(path, path + ".aside")
        victim = waiting(path, tmp_path)
        for call in calls(payload, tmp_path):
            attempt(call)
        os.unlink(path)
        if there:
            os.rename(path + ".aside", path)
        if victim.exists():
            return "a file written through a link that waited", where
    return None
'''


def temporary(subject: Subject) -> Iterator[Attack]:
    """Files in the shared folder under names that others can foresee."""
    site = subject.site("tempfile.mktemp", "tempfile.gettempdir")
    literal = shared_name(subject)
    if site is None and not literal:
        return
    made = frame.attack_of(
        subject,
        None,
        frame.Proof(
            question="write where another user's link leads",
            test="follows_no_link_in_a_shared_folder",
            payloads=["'a link that waits under the name'"],
            sensors=TEMPORARY,
            imports=("import tempfile",),
            dressed=False,
        ),
        rule="temporary-file",
        cwe=377,
        title=f"`{subject.name}` writes to a name in the shared temporary folder that others can take before",
        severity="medium",
        why="Another user of the machine puts a link there, and this process overwrites what it leads to.",
        line=site.line if site is not None else literal,
    )
    yield replace(made, payload="a link that waits under the name")


def shared_name(subject: Subject) -> int:
    """The line of a constant name in a shared folder, in the bodies; 0 where there is none."""
    for node in hints.nodes_of(subject):
        for statement in node.body:
            for each in ast.walk(statement):
                if isinstance(each, ast.Constant) and str(each.value).startswith(("/tmp/", "/var/tmp/")):  # noqa: S108
                    return each.lineno
    for value in hints.globals_of(subject).values():
        if isinstance(value, ast.Constant) and str(value.value).startswith(("/tmp/", "/var/tmp/")):  # noqa: S108
            return subject.node.lineno
    return 0


# ---------------------------------------------------------------------------------------------- permissions

MODES = '''\
STATE = {}


def seen(event, args):
    """Notes a mode by which everybody may write, and leaves alone what is not the test's own."""
    if event == "os.chmod" and "own" in STATE:
        if args[1] & 0o002 and not args[1] & 0o1000:
            HITS.append((oct(args[1]), place()))
        if isinstance(args[0], int) or not os.path.realpath(args[0]).startswith(STATE["own"]):
            raise PermissionError("nothing outside the test's own folder is changed")


sys.addaudithook(seen)


def watch(tmp_path, monkeypatch):
    monkeypatch.setitem(STATE, "own", os.path.realpath(tmp_path))
    monkeypatch.setitem(STATE, "mask", os.umask(0o022))
    (tmp_path / "zq.txt").write_text("zq")


def landed(payload, result, tmp_path):
    os.umask(STATE["mask"])
    for mode, where in HITS:
        return "everybody may write: mode " + mode, where
    for path in tmp_path.rglob("*"):
        mode = path.lstat().st_mode
        if mode & 0o002 and not mode & 0o1000 and not path.is_symlink():
            return "everybody may write: mode " + oct(mode & 0o777), []
    return None
'''


def permissions(subject: Subject) -> Iterator[Attack]:
    """Files and folders that everybody may change."""
    site = next((each for each in subject.sites if opens_to_all(each)), None)
    if site is None:
        return
    made = frame.attack_of(
        subject,
        None,
        frame.Proof(
            question="leave a file that everybody may change",
            test="lets_nobody_else_write",
            payloads=["'zq7hit'"],
            sensors=MODES,
            dressed=False,
        ),
        rule="world-writable",
        cwe=732,
        title=f"`{subject.name}` leaves a file that everybody on the machine may change",
        severity="medium",
        why="Any user and any service on the machine can put something else in its place.",
        line=site.line,
    )
    yield replace(made, payload="")


KEPT = hints.listed("secret secrets private password passwords token tokens credential credentials keyfile")
PUBLIC = hints.listed("public pub")
PRIVATE = re.compile(r"private|secret|BEGIN|credential|\bssh|\bpem\b|0o?600\b", re.IGNORECASE)
SHARED = """\
def watch(tmp_path, monkeypatch):
    monkeypatch.setitem(STATE, "mask", os.umask(0o022))
    if (tmp_path / "zq.txt").exists():
        (tmp_path / "zq.txt").unlink()


def landed(payload, result, tmp_path):
    for path in tmp_path.rglob("*"):
        mode = path.lstat().st_mode
        if path.is_file() and path.stat().st_size and mode & 0o026:
            os.umask(STATE["mask"])
            return "a secret file with the mode " + oct(mode & 0o777), []
    return None
"""


def secret_files(subject: Subject) -> Iterator[Attack]:
    """Files with a secret that others on the machine may read, or their group may change.

    Told where the function sets such a mode by itself; that a file is left as the mask of the process makes it,
    only where base kept it closer.
    """
    named = hints.words(subject.name)
    around = named | {word for each in subject.given for word in hints.words(each.name)}
    meant = bool(around & KEPT) or (bool(named & {"key", "keys"}) and PRIVATE.search(subject.function.source))
    site = next((each for each in subject.sites if loosens(each)), None)
    writes = next((each for each in subject.sites if each.last in WRITING), None)
    if (site is None and writes is None) or not (meant or named & {"key", "keys"}) or around & PUBLIC:
        return
    made = frame.attack_of(
        subject,
        None,
        frame.Proof(
            question="leave a file with a secret that others may read",
            test="keeps_its_file_to_its_owner",
            payloads=["'zq7hit'"],
            sensors="STATE = {}\n\n\n" + SHARED,
            dressed=False,
        ),
        rule="exposed-secret-file",
        cwe=732,
        title=f"`{subject.name}` leaves a file with a secret that others on the machine may read or change",
        severity="medium",
        why="Any other user or service of the machine can copy or replace what only this one should know.",
        line=site.line if site is not None else (writes.line if writes is not None else subject.node.lineno),
        compared=site is None or not meant,
    )
    yield replace(made, payload="")


WRITING = hints.listed("open write_text write_bytes fdopen copy copyfile")


def loosens(site: Site) -> bool:
    """Whether a call sets a mode by which others read, or the group writes."""
    if site.last not in ("chmod", "fchmod", "open", "touch"):
        return False
    names = {name for part in site.node.args for name in hints.names_in(part)}
    if names & {"S_IROTH", "S_IWOTH", "S_IRWXO", "S_IWGRP", "S_IRWXG"}:
        return True
    numbers = [each.value for part in site.node.args for each in ast.walk(part) if isinstance(each, ast.Constant)]
    return any(type(each) is int and each > 0o77 and each & 0o026 for each in numbers)


def opens_to_all(site: Site) -> bool:
    """Whether a call sets a mode with a right to write for everybody, or takes the mask away."""
    if site.last not in ("chmod", "fchmod", "lchmod", "mkdir", "makedirs", "umask", "open", "mknod", "mkfifo"):
        return False
    for argument in (*site.node.args, *(keyword.value for keyword in site.node.keywords)):
        if set(hints.names_in(argument)) & {"S_IWOTH", "S_IRWXO"}:
            return True
        for each in ast.walk(argument):
            if isinstance(each, ast.Constant) and type(each.value) is int:
                if site.last == "umask" and not each.value & 0o002:
                    return True
                if site.last != "umask" and each.value > 0o77 and each.value & 0o002:
                    return True
    return False


# ---------------------------------------------------------------------------------------------------- lines

LOGS = hints.listed("log logs logfile audit journal logger history")
LINES = '''\
class StandIn(mock.MagicMock):
    """In place of an object that is not there: what is written to it is read as lines."""

    def __call__(self, *args, **kwargs):
        HITS.extend(part for part in args if isinstance(part, str))
        return super().__call__(*args, **kwargs)


def watch(tmp_path, monkeypatch):
    pass


def lines(tmp_path):
    """The lines of all that was written."""
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [*HITS, *(path.read_text(errors="replace") for path in files)]
    return [line for text in texts if "\\n" in text for line in text.splitlines()]


def reached(payload, result, tmp_path):
    """Whether a harmless value stands in a line with more than itself."""
    return any(payload in line and line.strip() != payload for line in lines(tmp_path))


def landed(payload, result, tmp_path):
    forged = any(line.startswith("zq7hit") for line in lines(tmp_path))
    return ("a line of the log that the argument wrote", []) if forged else None
'''


def log_lines(subject: Subject) -> Iterator[Attack]:
    """Logs written line by line, in which an argument writes lines of its own."""
    writes = next((each for each in subject.sites if each.last in ("write", "writelines")), None)
    about = hints.words(subject.name) | {
        word for name in hints.names_in(subject.node) for word in hints.words(name)
    }
    ended = any(text.endswith("\n") for text in hints.texts_of(subject))
    if writes is None or not ended or not about & LOGS:
        return
    for target in subject.targets:
        if target.kind != "str" or hints.words(target.label) & hints.listed(
            "line lines text content data path file"
        ):
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"let its argument `{target.label}` write lines of the log",
                test="writes_one_line_at_a_time",
                payloads=["'zq\\nzq7hit'", "'zq\\r\\nzq7hit'"],
                sensors=LINES.partition("\n\n\n")[2],
                benign=["'zq7file'"],
                stand_in=LINES.partition("\n\n\n")[0] + "\n",
                imports=("from unittest import mock",),
            ),
            rule="log-injection",
            cwe=117,
            title=f"`{subject.name}` lets its argument `{target.label}` write lines of the log",
            severity="low",
            why="Whoever chooses the value adds entries to the log that nobody can tell from true ones.",
            line=writes.line,
            limits=hints.STRANGERS,
        )
