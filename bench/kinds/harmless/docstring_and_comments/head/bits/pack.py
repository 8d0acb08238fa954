"""Flags in the bits of a number."""


def pack(flags):
    """The number whose bit `i` says whether flag `i` is set.

    Example:
        >>> pack([True, False, True])
        5
    """
    value = 0
    for i, flag in enumerate(flags):
        # The first flag is the lowest bit.
        if flag:
            value |= 1 << i
    return value


def unpack(value, count):
    """The flags of a number; the reverse of `pack`."""
    return [bool((value >> i) & 1) for i in range(count)]
