import io
import tarfile

from themes.unpack import unpack_theme


def test_unpacks_what_a_theme_may_have(tmp_path):
    archive = tmp_path / "t.tar"
    with tarfile.open(archive, "w") as theme:
        for name in ("style.css", "img/logo.png", "run.sh"):
            member = tarfile.TarInfo(name)
            member.size = 2
            theme.addfile(member, io.BytesIO(b"ok"))
    assert unpack_theme(archive, tmp_path / "out") == ["img/logo.png", "style.css"]
    assert (tmp_path / "out" / "img" / "logo.png").read_bytes() == b"ok"
    assert not (tmp_path / "out" / "run.sh").exists()
