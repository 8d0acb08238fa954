import pytest

from puzzle.sharing import export_board, import_board


def test_boards():
    board = {"width": 3, "cells": [1, 2, 3, None, 5, 6]}
    assert import_board("  " + export_board(board) + "\n") == board
    with pytest.raises(ValueError):
        import_board(export_board({"width": 4, "cells": [1]}))
