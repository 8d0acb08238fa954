import pytest

from registry.plugins import Registry, UnknownPlugin


def test_unknown():
    with pytest.raises(UnknownPlugin, match="known: list"):
        Registry({"list": list}).create("tuple")
