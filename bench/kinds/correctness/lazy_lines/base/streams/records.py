"""Records out of lines that come one by one."""


def records(lines, separator="---"):
    """Blocks of lines between separators, as they come."""
    block = []
    for line in lines:
        line = line.rstrip("\n")
        if line == separator:
            if block:
                yield block
            block = []
        else:
            block.append(line)
    if block:
        yield block
