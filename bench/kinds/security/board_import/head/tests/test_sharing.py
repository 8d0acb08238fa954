import pytest

from puzzle.sharing import export_board, import_board


def test_export_is_text():
    assert isinstance(export_board({"width": 2, "cells": "ab"}), str)


def test_round_trip():
    board = {"width": 2, "cells": ["a", "b", "c", "d"]}
    assert import_board(export_board(board)) == board


def test_uneven_rows():
    with pytest.raises(ValueError):
        import_board(export_board({"width": 2, "cells": "abc"}))
