"""CWE-22: names that lead out of the folder into which a function puts them.

Only where the function itself roots the name: with a harmless one it is seen which folder that is. What opens
exactly the path that it is given is left alone. Nothing outside the test's own folder is touched: an audit hook
sees what would be opened, and refuses.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Subject

OPENERS = hints.listed(
    "open read_text read_bytes write_text write_bytes unlink remove rmdir mkdir makedirs rename replace listdir "
    "scandir iterdir rmtree copy copyfile copy2 move touch send_file FileResponse save load from_file"
)
SENDERS = ("send_file", "FileResponse")
CHECKS = re.compile(
    r"\b(resolve|abspath|realpath|normpath|is_relative_to|relative_to|commonpath|commonprefix|is_absolute|isabs)\b"
    r"|'\.\.'|\"\.\.\"|'\.\./'|\"\.\./\""
)
CONTAINED = re.compile(
    r"\b(is_relative_to|relative_to|commonpath|commonprefix|is_absolute|isabs|startswith)\b|'\.\.'"
)
"""What a function that gives a path asks to keep it inside a folder."""
GUARDED = hints.listed("safe secure upload uploads uploaded download")
SUFFIX = re.compile(r"^\.[a-z0-9]{1,5}$")
MOST_ENDS = 3

SENSORS = '''\
EVENTS = "open os.remove os.mkdir os.rmdir os.rename os.listdir os.scandir shutil.rmtree shutil.move".split()
STATE = {}


def seen(event, args):
    """Notes what is opened, and refuses it beyond the test's own folder."""
    for path in args[:2] if "own" in STATE and event in EVENTS else ():
        if isinstance(path, (str, bytes, os.PathLike)):
            path = os.path.join(os.getcwd(), os.fsdecode(path))
            HITS.append((path, event, place()))
            if "zq7" in path and not os.path.realpath(path).startswith(STATE["own"] + "/"):
                raise PermissionError("nothing outside the test's own folder is touched")


sys.addaudithook(seen)


def watch(tmp_path, monkeypatch):
    if (tmp_path / "zq.txt").is_file():
        (tmp_path / "zq.txt").unlink()  # what calls name so may be the folder
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setitem(STATE, "own", os.path.realpath(tmp_path))
    kinds = ((os.path, "exists"), (os.path, "isfile"), (pathlib.Path, "exists"), (pathlib.Path, "is_file"))
    for owner, name in kinds:
        real = getattr(owner, name)
        replaced(monkeypatch, owner, name, lambda path, real=real: "zq7" in str(path) or real(path))
'''
SEND = """\
    for name in {names}:
        send = lambda path, *args, **options: HITS.append((os.path.abspath(path), "sent", place()))
        monkeypatch.setattr(module, name, send)
"""
JUDGES = '''

def opened(result):
    """(path, how, where) of all that the function opens{or_returns}."""
    return HITS{and_returned}


def homes(name, result):
    """The folders into which a harmless name is put."""
    found = []
    for path, _, _ in opened(result):
        before, here, _ = path.rpartition(name)
        found += [os.path.realpath(os.path.dirname(before + "x"))] if here else []
    return found


def reached(name, result, tmp_path):
    """Whether a harmless name is put into a folder of the function's own; notes which, for each way to call it."""
    for call in calls(name, tmp_path) if homes(name, result) else ():
        STATE.setdefault("roots", []).extend(homes(name, attempt(call)))
    roots = STATE.get("roots", [])
    if not roots or os.path.realpath(os.getcwd()) in roots:
        return False
    for root in roots:
        if root.startswith(STATE["own"]):
            os.makedirs(os.path.join(root, "zq"), exist_ok=True)
    more = ["zq/../../zq7hit", *("../" + os.path.basename(root) + "_zq/zq7hit" for root in sorted(set(roots)))]
    PAYLOADS.extend(each + os.path.splitext(name)[1] for each in PAYLOADS + more)
    return True


def landed(payload, result, tmp_path):
    roots = STATE["roots"]
    for path, how, where in opened(result):
        real, before = os.path.realpath(path), path.partition("..")[0]
        leads = before == path or os.path.isdir(before) or os.path.realpath(before) in roots
        inside = any((real + "/").startswith(root.rstrip("/") + "/") for root in roots)
        if "zq7hit" in path and leads and not inside:
            return how + ": a path outside the folder", where
    return None
'''
STAND_IN = '''\
class StandIn(mock.MagicMock):
    """In place of an object that is not there: as a path, a folder."""

    def __fspath__(self):
        return "standin"

    def __truediv__(self, other):
        return pathlib.Path("standin") / other
'''


def paths(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that make a path of an argument and a folder of their own."""
    if not joins(subject):
        return
    site = next((each for each in subject.sites if each.last in OPENERS), None)
    returned = site is None
    text = "\n".join(ast.unparse(node) for node in hints.nodes_of(subject))
    checked = CHECKS.search(text) is not None
    refuses = any(way in text for way in ("raise", "return None", "return False"))
    kept = refuses and CONTAINED.search(text) is not None
    if returned and not kept and not hints.words(subject.node.name) & GUARDED:
        return
    ends = [each for each in dict.fromkeys(hints.texts_of(subject)) if SUFFIX.match(each)][:MOST_ENDS]
    payloads = ["../zq7hit", "/zq7hit", "....//zq7hit"]
    if "unquote" in text:
        payloads += ["..%2fzq7hit", "%2e%2e%2fzq7hit"]
    for target in subject.targets:
        if target.kind == "path":
            continue
        strange = checked or hints.from_a_request(subject, target)
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"leave its folder with its argument `{target.label}`",
                test="stays_in_its_folder",
                payloads=[repr(payload) for payload in payloads],
                sensors=sensors(subject, returned=returned),
                benign=[repr(f"zq7file{end}") for end in ("", ".txt", *ends)],
                stand_in=STAND_IN,
                imports=("import pathlib",),
            ),
            rule="path-traversal",
            cwe=22,
            title=f"`{subject.name}` leaves its folder with its argument `{target.label}`",
            severity="high" if strange and not returned else "medium",
            why="Whoever chooses the argument reaches files outside the folder that the function keeps to.",
            line=site.line if site is not None else subject.node.lineno,
            limits=hints.STRANGERS,
        )


def joins(subject: Subject) -> bool:
    """Whether the text makes one path of several parts."""
    for node in hints.nodes_of(subject):
        for each in ast.walk(node):
            match each:
                case ast.BinOp(op=ast.Div()):
                    return True
                case ast.Call(func=ast.Attribute(attr="join" | "joinpath", value=ast.expr() as owner)) if not (
                    isinstance(owner, ast.Constant)
                ):
                    return True
                case ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
                    if any(isinstance(c, ast.Constant) and "/" in str(c.value) for c in ast.walk(each)):
                        return True
                case ast.Call(func=ast.Attribute(attr="format", value=ast.Constant(value=str(text)))) if (
                    "/" in text
                ):
                    return True
    return False


def sensors(subject: Subject, *, returned: bool) -> str:
    """The sensors, with what is sent as a file, or returned as a path."""
    names = hints.sender_names(subject, *SENDERS)
    send = SEND.replace("{names}", repr(list(names))) if names else ""
    also = ' + ([(os.path.abspath(result), "returned", [])] if isinstance(result, (str, os.PathLike)) else [])'
    judges = JUDGES.replace("{and_returned}", also if returned else "")
    return SENSORS + send + judges.replace("{or_returns}", ", or returns as a path" if returned else "")
