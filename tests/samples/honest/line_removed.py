"""A line too many."""
# --- module
# --- original
def unique(rows):
    rows.sort()
    seen = set()
    result = []
    for row in rows:
        if row not in seen:
            seen.add(row)
            result.append(row)
    return result
# --- candidate
def unique(rows):
    seen = set()
    result = []
    for row in rows:
        if row not in seen:
            seen.add(row)
            result.append(row)
    return result
