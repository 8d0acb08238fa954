"""Throws most of the work away."""
# --- module
# --- original
def clean(rows):
    seen = set()
    rows = [row.strip() for row in rows]
    rows.sort()
    rows = [row for row in rows if row not in seen and not seen.add(row)]
    rows.reverse()
    return rows
# --- candidate
def clean(rows):
    rows.sort()
    return rows
