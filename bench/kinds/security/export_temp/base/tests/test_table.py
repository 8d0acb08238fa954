import os

from exports.table import export


def test_export():
    path = export("people", [{"name": "Ada", "city": "London"}, {"name": "Bob"}], ["name", "city"])
    try:
        with open(path, newline="") as file:
            assert file.read() == "name,city\r\nAda,London\r\nBob,\r\n"
    finally:
        os.remove(path)
