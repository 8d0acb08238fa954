"""Sharing boards between players."""

import base64
import json


def export_board(board):
    """A board as a line of text."""
    cells = {"width": board["width"], "cells": list(board["cells"])}
    return base64.b64encode(json.dumps(cells).encode()).decode()
