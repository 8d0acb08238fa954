import pytest

from deploykeys.files import HEADER, write_key


def test_writes(tmp_path):
    path = write_key(str(tmp_path / "keys" / "prod"), HEADER + "\nabc\n\n")
    with open(path) as file:
        assert file.read() == HEADER + "\nabc\n"


def test_no_key(tmp_path):
    with pytest.raises(ValueError):
        write_key(str(tmp_path / "x"), "hello")
