"""Lists of staff."""

COLUMNS = ("name", "town")


def listing(db, column="name"):
    """Names in order of a column."""
    if column != "name":
        raise ValueError(f"cannot sort by {column}")
    return [name for (name,) in db.execute("SELECT name FROM staff ORDER BY name")]
