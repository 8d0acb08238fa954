from uploads.store import UploadStore


def test_names(tmp_path):
    store = UploadStore(tmp_path)
    store.save(1, "a b..txt", b"1")
    store.save(1, "deep/er/c.txt", b"2")
    assert store.names(1) == ["a b..txt", "deep/er/c.txt"]
