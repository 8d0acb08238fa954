import zipfile

from plugins.install import install


def test_folders_and_dots(tmp_path):
    archive = tmp_path / "p.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("plugin.ini", "1")
        packed.writestr("empty/", "")
        packed.writestr("a/..b/c.txt", "2")
    install(str(archive), str(tmp_path / "root"))
    assert (tmp_path / "root" / "p" / "empty").is_dir()
    assert (tmp_path / "root" / "p" / "a" / "..b" / "c.txt").read_text() == "2"
