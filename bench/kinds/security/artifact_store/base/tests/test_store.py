import pytest

from artifacts.store import ArtifactStore


def test_only_what_was_approved():
    store = ArtifactStore()
    digest = store.put(b"app 1.0")
    assert not store.deployable(b"app 1.0")
    store.approve(digest)
    assert store.deployable(b"app 1.0")
    assert not store.deployable(b"app 1.1")


def test_mistakes():
    with pytest.raises(TypeError):
        ArtifactStore().put("text")
    with pytest.raises(KeyError):
        ArtifactStore().approve("none")
