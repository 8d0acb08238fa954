"""Lists of words."""


def load(path):
    """Words of a file, one a line; comments begin with #."""
    with open(path) as file:
        lines = [line.strip() for line in file]
    return [line for line in lines if line and not line.startswith("#")]
