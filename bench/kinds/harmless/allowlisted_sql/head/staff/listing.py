"""Lists of staff."""

COLUMNS = ("name", "town")


def listing(db, column="name"):
    """Names in order of a column."""
    if column not in COLUMNS:
        raise ValueError(f"cannot sort by {column}")
    return [name for (name,) in db.execute(f"SELECT name FROM staff ORDER BY {column}, name")]
