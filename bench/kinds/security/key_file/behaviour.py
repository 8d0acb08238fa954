import os

from deploykeys.files import HEADER, write_key


def test_again_and_without_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_key("key", HEADER + "\n" + "long" * 50)
    assert write_key("key", HEADER) == "key"
    assert open("key").read() == HEADER + "\n"
    assert os.access("key", os.R_OK | os.W_OK)
