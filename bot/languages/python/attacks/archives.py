"""CWE-22 again: archives whose members lead out of the folder into which they are unpacked.

The test packs a harmless archive and sees where its file ends up; then one with a member that climbs out, one with
an absolute name, and (tar) one with a link that leads out. All of it happens below the test's own folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Subject, Target

UNPACKING = hints.listed("extractall extract unpack_archive namelist infolist getmembers getnames extractfile")
ARCHIVE = hints.listed(
    "archive zip zipfile zf tar tarball tarfile tf bundle package upload file filename path data blob content "
    "source src fileobj stream buffer"
)

PACKED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".whl")
SUFFIX = re.compile(r"^\.[a-z0-9]{1,5}$")
NAMED = re.compile(r"^[\w-][\w.-]*\.[a-z0-9]{1,5}$|^[A-Z]{4,}$")
"""A file that the function looks for in an archive: `plugin.ini`, `METADATA`."""

SENSORS = '''\
ALSO = {also}  # what the function looks for in an archive
CONTENT = {".json": "{{}}", ".ini": "", ".cfg": "", ".toml": "", ".yml": "", ".yaml": ""}


def packed(tmp_path, kind, members):
    """An archive of (name, link) as bytes; a member without a link is a small file."""
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as archive:
            for name, _ in members:
                archive.writestr(name, CONTENT.get(os.path.splitext(name)[1], "zq7"))
        return out.getvalue()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, link in members:
            member = tarfile.TarInfo(name)
            data = CONTENT.get(os.path.splitext(name)[1], "zq7").encode()
            member.size = 0 if link else len(data)
            if link:
                member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def given(payload, tmp_path):
    """The archive in the shape that the function takes, with what the payload says in it."""
    kind, how, shape = payload.split(":")
    members = {
        "file": [],
        "climb": [("../zq7hit{end}", "")],
        "absolute": [(str(tmp_path.parent / "zq7hit{end}"), "")],
        "link": [("zq", ".."), ("zq/zq7hit{end}", "")],
    }[how]
    data = packed(tmp_path, kind, [(name, "") for name in [*ALSO, "zq7file{end}"]] + members)
    path = tmp_path / "given" / ("zq.zip" if kind == "zip" else "zq.tar.gz")
    path.write_bytes(data)
    if shape in ("path", "text"):
        return path if shape == "path" else str(path)
    if shape == "opened":
        return zipfile.ZipFile(path) if kind == "zip" else tarfile.open(path)
    return data if shape == "bytes" else io.BytesIO(data)


def watch(tmp_path, monkeypatch):
    (tmp_path / "given").mkdir()
    (tmp_path / "in" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "in" / "here")


def unpacked(tmp_path):
    """(folders of the harmless file, places of the other one) after a call; nothing of it is left."""
    found = {"zq7file{end}": [], "zq7hit{end}": []}
    for folder, _, files in os.walk(tmp_path):
        for name in set(files) & set(found):
            found[name].append(os.path.join(folder, "") if "file" in name else os.path.join(folder, name))
    beside = tmp_path.parent / "zq7hit{end}"
    if beside.is_file():
        found["zq7hit{end}"].append(str(beside))
        beside.unlink()
    for path in [*tmp_path.iterdir(), *(tmp_path / "in" / "here").iterdir()]:
        if path.is_dir() and not path.is_symlink() and path.name not in ("given", "in"):
            shutil.rmtree(path)
        elif not path.is_dir() or path.is_symlink():
            path.unlink()
    return found.values()


def reached(payload, result, tmp_path):
    """Whether a harmless archive is unpacked; keeps those payloads that come in the same shape."""
    homes, _ = unpacked(tmp_path)
    if homes:
        start, end = payload.split(":")[::2]
        PAYLOADS[:] = [each for each in PAYLOADS if each.startswith(start) and each.endswith(":" + end)]
    return bool(homes)


def landed(payload, result, tmp_path):
    homes, hits = unpacked(tmp_path)
    for path in hits:
        if homes and not path.startswith(tuple(homes)):
            return "a file outside the folder: " + payload.split(":")[1], []
    return None
'''


def archives(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that unpack an archive."""
    zipped, tarred = subject.imports("zipfile"), subject.imports("tarfile")
    site = next((each for each in subject.sites if each.last in UNPACKING), None)
    unpacks = subject.site("shutil.unpack_archive") is not None
    if site is None or not (zipped or tarred or unpacks):
        return
    texts = [text for text in dict.fromkeys(hints.texts_of(subject)) if text not in PACKED]
    end = next((text for text in texts if SUFFIX.match(text)), "")
    also = [text for text in texts if NAMED.match(text)][:3]
    sensors = SENSORS.replace("{also}", repr(also)).replace("{end}", end).replace("{{}}", "{}")
    kinds = [kind for kind, there in (("zip", zipped or unpacks), ("tar", tarred or unpacks)) if there]
    for parameter in subject.given:
        if not takes_archive(parameter.name, parameter.annotation):
            continue
        shapes = ("path", "text", "bytes", "stream", "opened")
        target = Target(parameter.name, parameter.name, "given(payload, tmp_path)")
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"write outside the folder into which it unpacks `{parameter.name}`",
                test="unpacks_into_its_folder",
                payloads=[
                    repr(f"{kind}:{how}:{shape}")
                    for kind in kinds
                    for shape in shapes
                    for how in ("climb", "absolute", *(("link",) if kind == "tar" else ()))
                ],
                sensors=sensors,
                benign=[repr(f"{kind}:file:{shape}") for kind in kinds for shape in shapes],
                imports=("import io", "import shutil", "import tarfile", "import zipfile"),
                dressed=False,
            ),
            rule="archive-traversal",
            cwe=22,
            title=f"`{subject.name}` unpacks members of `{parameter.name}` outside its folder",
            severity="high",
            why="Whoever made the archive writes files anywhere that this process may write.",
            line=site.line,
            limits="that the archive can come from a stranger is not shown",
        )


def takes_archive(name: str, annotation: str) -> bool:
    """Whether a parameter may be an archive."""
    if annotation.strip("'\"") in ("int", "bool", "float"):
        return False
    return bool(hints.words(name) & ARCHIVE) or "ZipFile" in annotation or "TarFile" in annotation
