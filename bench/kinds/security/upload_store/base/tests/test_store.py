from uploads.store import UploadStore


def test_saves_below_the_user(tmp_path):
    store = UploadStore(tmp_path)
    path = store.save(7, "photos/cat.png", b"meow")
    assert path.read_bytes() == b"meow"
    assert store.names(7) == ["photos/cat.png"]
    assert store.names(8) == []


def test_overwrites(tmp_path):
    store = UploadStore(tmp_path)
    store.save(7, "a.txt", b"1")
    store.save(7, "a.txt", b"2")
    assert (tmp_path / "7" / "a.txt").read_bytes() == b"2"
