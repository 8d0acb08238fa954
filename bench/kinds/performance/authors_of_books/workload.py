import sqlite3

DB = None


def run(module):
    global DB
    if DB is None:
        DB = sqlite3.connect(":memory:")
        DB.executescript(module.SCHEMA)
        DB.executemany("INSERT INTO author VALUES (?, ?)", [(n, f"a{n}") for n in range(1500)])
        DB.executemany("INSERT INTO book (title, author) VALUES (?, ?)", [(f"t{n:05}", n) for n in range(1500)])
    return module.books_with_authors(DB, 1500)
