LINES = [f"line {n} about tea and cake" for n in range(150)]
WORDS = ["tea", "cake", "line", "coffee", "sugar", "milk", "bread", "butter", "jam", "honey", "salt", "apple"]


def run(module):
    return module.mark(LINES, WORDS)
