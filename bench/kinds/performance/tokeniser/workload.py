TEXT = "total = total + 12 * (price - discount) " * 2000


def run(module):
    return len(module.tokens(TEXT))
