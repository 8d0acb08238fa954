def caesar(text, shift):
    """Letters moved along the alphabet, case kept; everything else stays."""
    result = []
    for char in text:
        if char.isascii() and char.isalpha():
            first = ord("a") if char.islower() else ord("A")
            result.append(chr((ord(char) - first + shift) % 26 + first))
        else:
            result.append(char)
    return "".join(result)
