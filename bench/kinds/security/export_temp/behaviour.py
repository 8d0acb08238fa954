import os

from exports.table import export


def test_name_and_content():
    path = export("orders", [{"x": 'a,"b"', "y": "é"}], ["x", "y"])
    try:
        assert os.path.basename(path).startswith("orders-") and path.endswith(".csv")
        with open(path, newline="", encoding="utf-8") as file:
            assert file.read() == 'x,y\r\n"a,""b""",é\r\n'
    finally:
        os.remove(path)
