"""Texts."""


def wrap(text, width):
    """Lines of at most so many characters; longer words stand alone."""
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def boxed(text, width):
    return "\n".join(f"| {line.ljust(width)} |" for line in wrap(text, width))
