import sqlite3

DB = None


def run(module):
    global DB
    if DB is None:
        DB = sqlite3.connect(":memory:")
        DB.execute(module.SCHEMA)
        for n in range(600):
            module.add(DB, f"s{n % 300}", f"2024-01-{1 + n // 300:02}", n)
    return module.current_prices(DB, "2024-12-31")
