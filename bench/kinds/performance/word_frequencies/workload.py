LETTERS = "abcdefghij"
TEXT = " ".join(LETTERS[n % 10] + LETTERS[n // 10 % 10] + LETTERS[n // 100 % 10] + LETTERS[n * 3 % 10] for n in range(3000))


def run(module):
    return module.most_common(TEXT, 20)
