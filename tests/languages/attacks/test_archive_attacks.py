"""Archives: members that leave the folder land; `zipfile.extract`, filters and checks do not let them."""

from __future__ import annotations

from pathlib import Path

import pytest
from attacked import judged

RED = {
    "by_hand": """
        import os, zipfile
        def unpack(path, dest):
            with zipfile.ZipFile(path) as z:
                for name in z.namelist():
                    with open(os.path.join(dest, name), "wb") as out:
                        out.write(z.read(name))
    """,
    "opened_zip": """
        import zipfile
        from pathlib import Path
        def unpack(archive: zipfile.ZipFile, folder: Path) -> None:
            for info in archive.infolist():
                target = folder / info.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(info))
    """,
    "tar": """
        import tarfile
        def unpack(path, dest):
            with tarfile.open(path) as tar:
                tar.extractall(dest, filter="fully_trusted")
    """,
    "tar_names_checked": """
        import io, os, tarfile
        def unpack(data: bytes, dest: str) -> None:
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for member in tar.getmembers():
                    if member.name.startswith("/") or ".." in member.name:
                        raise ValueError(member.name)
                tar.extractall(dest, filter="fully_trusted")
    """,
    "method": """
        import os, zipfile
        class Importer:
            def __init__(self, root):
                self.root = root
            def load(self, upload):
                z = zipfile.ZipFile(upload)
                for name in z.namelist():
                    if name.startswith("/"):
                        continue
                    open(os.path.join(self.root, name), "wb").write(z.read(name))
    """,
}
GREEN = {
    "zip_extract": """
        import zipfile
        def unpack(path, dest):
            with zipfile.ZipFile(path) as z:
                z.extractall(dest)
    """,
    "tar_filter": """
        import tarfile
        def unpack(path, dest):
            with tarfile.open(path) as tar:
                tar.extractall(dest, filter="data")
    """,
    "checked": """
        import os, zipfile
        def unpack(path, dest):
            root = os.path.realpath(dest)
            with zipfile.ZipFile(path) as z:
                for name in z.namelist():
                    target = os.path.realpath(os.path.join(root, name))
                    if os.path.commonpath([root, target]) != root:
                        raise ValueError(name)
                    open(target, "wb").write(z.read(name))
    """,
    "basename": """
        import os, zipfile
        def unpack(path, dest):
            with zipfile.ZipFile(path) as z:
                for name in z.namelist():
                    open(os.path.join(dest, os.path.basename(name)), "wb").write(z.read(name))
    """,
    "listing": """
        import zipfile
        def names(path):
            with zipfile.ZipFile(path) as z:
                return z.namelist()
    """,
    "zip_via_shutil": "import shutil\ndef unpack(path, dest):\n    shutil.unpack_archive(path, dest, 'zip')\n",
}


@pytest.mark.thorough
def test_members_that_leave_the_folder_land(tmp_path: Path) -> None:
    judged(tmp_path, RED, GREEN, "archive-traversal")
