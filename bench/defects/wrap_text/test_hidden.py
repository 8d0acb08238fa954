import random

from function import wrap_text


def test_words_survive_and_lines_are_full():
    source = random.Random(2)
    for _ in range(200):
        words = ["x" * source.randrange(1, 8) for _ in range(source.randrange(12))]
        width = source.randrange(1, 15)
        lines = wrap_text(" ".join(words), width)
        assert " ".join(lines).split() == words
        for line in lines:
            assert len(line) <= width or " " not in line
        for line, after in zip(lines, lines[1:]):
            assert len(line) + 1 + len(after.split()[0]) > width
