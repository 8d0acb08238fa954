def pack(flags):
    value = 0
    for i, flag in enumerate(flags):
        if flag:
            value |= 1 << i
    return value


def unpack(value, count):
    return [bool(value >> i & 1) for i in range(count)]
