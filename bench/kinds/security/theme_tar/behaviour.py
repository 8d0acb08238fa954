import io
import tarfile

from themes.unpack import unpack_theme


def test_folders_links_and_empty(tmp_path):
    archive = tmp_path / "t.tar"
    with tarfile.open(archive, "w") as theme:
        folder = tarfile.TarInfo("x.css")
        folder.type = tarfile.DIRTYPE
        theme.addfile(folder)
        member = tarfile.TarInfo("./deep/er/page.html")
        theme.addfile(member, io.BytesIO(b""))
    assert unpack_theme(str(archive), str(tmp_path / "out")) == ["./deep/er/page.html"]
    assert (tmp_path / "out" / "deep" / "er" / "page.html").is_file()
