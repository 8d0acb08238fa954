from puzzle.sharing import export_board


def test_export_is_text():
    assert isinstance(export_board({"width": 2, "cells": "ab"}), str)
