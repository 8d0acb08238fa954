import zipfile

import pytest

from plugins.install import install, installed


def packed(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return str(path)


def test_none(tmp_path):
    assert installed(str(tmp_path / "none")) == []


def test_installs(tmp_path):
    archive = packed(tmp_path / "spell.zip", {"plugin.ini": "[x]", "words/en.txt": "a"})
    assert install(archive, str(tmp_path / "root")) == "spell"
    assert installed(str(tmp_path / "root")) == ["spell"]
    assert (tmp_path / "root" / "spell" / "words" / "en.txt").read_text() == "a"


def test_no_plugin(tmp_path):
    with pytest.raises(ValueError):
        install(packed(tmp_path / "x.zip", {"a": ""}), str(tmp_path / "root"))
