import pytest

from quizzes.draw import draw


def test_draw():
    assert len(set(draw("abcdef", 3))) == 3
    with pytest.raises(ValueError):
        draw("a", 2)
