"""Records out of lines that come one by one."""


def records(lines, separator="---"):
    """Blocks of lines between separators, as they come."""
    blocks = [[]]
    for line in lines:
        line = line.rstrip("\n")
        if line == separator:
            blocks.append([])
        else:
            blocks[-1].append(line)
    yield from (block for block in blocks if block)
