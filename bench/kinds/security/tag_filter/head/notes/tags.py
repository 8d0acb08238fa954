"""Notes and their tags."""


def setup(db):
    db.executescript(
        """
        CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT, owner TEXT);
        CREATE TABLE tag (note INTEGER, name TEXT);
        """
    )


def add_note(db, title, owner, tags=()):
    note = db.execute("INSERT INTO note (title, owner) VALUES (?, ?)", (title, owner)).lastrowid
    db.executemany("INSERT INTO tag VALUES (?, ?)", [(note, tag) for tag in tags])
    return note


def notes_with_tags(db, owner, tags):
    """Titles of the owner's notes that bear one of the tags."""
    tags = sorted(set(tags))
    if not tags:
        return []
    names = ", ".join(f"'{tag}'" for tag in tags)
    rows = db.execute(
        "SELECT DISTINCT title FROM note JOIN tag ON tag.note = note.id "
        f"WHERE tag.name IN ({names}) AND owner = ? ORDER BY title",
        [owner],
    )
    return [title for (title,) in rows]
