import random

import pytest

from quizzes.draw import draw


def test_draw():
    assert len(set(draw("abcdef", 3))) == 3
    assert draw("abc", 3, random.Random(1)) == draw("abc", 3, random.Random(1))
    with pytest.raises(ValueError):
        draw("a", 2)
