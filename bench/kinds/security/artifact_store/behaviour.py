from artifacts.store import ArtifactStore


def test_digests():
    store = ArtifactStore()
    digest = store.put(b"")
    assert digest == store.put(b"") and set(digest) <= set("0123456789abcdef")
    assert store.put(b"a") != digest and len(store.blobs) == 2
