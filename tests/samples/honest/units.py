"""A loop over pairs that looks for a bound."""
# --- module
# --- original
def size(n):
    return f"{n} B"
# --- candidate
def size(n):
    for limit, unit in ((1024, "B"), (1048576, "KB"), (1073741824, "MB")):
        if n < limit:
            return f"{n * 1024 // limit} {unit}"
    return f"{n // 1073741824} GB"
