"""SQL: text that becomes part of a statement lands, a value that stays a value does not."""

from __future__ import annotations

from pathlib import Path

from attacked import judged, made

RED = {
    "formatted": """
        def find(conn, name):
            return conn.execute(f"SELECT * FROM users WHERE name = '{name}'").fetchall()
    """,
    "joined_text": """
        import sqlite3
        def find(path, name):
            conn = sqlite3.connect(path)
            cur = conn.cursor()
            cur.execute('SELECT * FROM users WHERE name = "' + name + '"')
            return cur.fetchone()
    """,
    "percent": """
        from contextlib import closing
        class Users:
            def __init__(self, connection):
                self._connection = connection
            def find(self, name):
                with closing(self._connection.cursor()) as cursor:
                    cursor.execute("SELECT id FROM users WHERE name LIKE '%%%s%%'" % name)
                    return [row[0] for row in cursor.fetchall()]
    """,
    "opened_in_init": """
        import sqlite3
        class Users:
            def __init__(self, path):
                self.db = sqlite3.connect(path)
                self.db.execute("CREATE TABLE IF NOT EXISTS users (name text)")
            def remove(self, name, hard=True):
                if hard:
                    self.db.execute("DELETE FROM users WHERE name = '{}'".format(name))
    """,
    "order": """
        def page(cursor, order_by, limit=10):
            cursor.execute(f"SELECT * FROM t ORDER BY {order_by} LIMIT ?", (limit,))
            return cursor.fetchall()
    """,
    "number": """
        import sqlite3
        def get(db, user_id):
            query = "SELECT * FROM users WHERE id = " + str(user_id)
            with db:
                return db.execute(query).fetchone()
    """,
    "module_connection": """
        import sqlite3
        CONN = sqlite3.connect(":memory:")
        def get(name):
            return CONN.execute("SELECT * FROM users WHERE name = '%s'" % name).fetchone()
    """,
    "factory": """
        import sqlite3
        def get_connection():
            return sqlite3.connect("app.db")
        def get(name):
            with get_connection() as conn:
                rows = conn.execute(f"SELECT * FROM users WHERE name = '{name}'")
                return list(rows)
    """,
    "half_escaped": """
        def find(conn, name):
            name = name.replace('"', '')
            return conn.execute("SELECT * FROM users WHERE name = '" + name + "'").fetchall()
    """,
    "filters": """
        def find(conn, filters: dict):
            query = "SELECT * FROM users WHERE 1=1"
            if "name" in filters:
                query += " AND name = '" + filters["name"] + "'"
            return conn.execute(query).fetchall()
    """,
    "pairs": """
        def find(conn, filters: dict):
            parts = [f"{column} = '{value}'" for column, value in filters.items()]
            return conn.execute("SELECT * FROM t WHERE " + " AND ".join(parts)).fetchall()
    """,
    "records": """
        def insert(conn, rows):
            for row in rows:
                conn.execute(f"INSERT INTO t VALUES ('{row['name']}', {row['age']})")
    """,
    "coroutine": """
        async def find(pool, name):
            async with pool.acquire() as conn:
                return await conn.fetch(f"SELECT * FROM users WHERE name = '{name}'")
    """,
    "awaited": """
        async def find(conn, name):
            return await conn.fetchrow(f"SELECT * FROM users WHERE name = '{name}'")
    """,
    "helper": """
        class Users:
            def __init__(self, db):
                self.db = db
            def _all(self, sql, *args):
                return self.db.execute(sql, args).fetchall()
            def find(self, name):
                return self._all("SELECT * FROM users WHERE name = '" + name + "'")
    """,
    "built": """
        def _where(name):
            return f"name = '{name}'"
        def find(conn, name):
            return conn.execute("SELECT * FROM users WHERE " + _where(name)).fetchall()
    """,
    "many": """
        def remove(conn, names: list[str]):
            listed = ", ".join(f"'{n}'" for n in names)
            conn.execute(f"DELETE FROM users WHERE name IN ({listed})")
    """,
}
GREEN = {
    "parameters": """
        def find(conn, name):
            return conn.execute("SELECT * FROM users WHERE name = ?", (name,)).fetchall()
    """,
    "named": """
        def find(cursor, name, table="users"):
            cursor.execute("SELECT * FROM users WHERE name = %(name)s", {"name": name})
            return cursor.fetchall()
    """,
    "marks": """
        def find(conn, names: list[str]):
            marks = ", ".join("?" for _ in names)
            return conn.execute(f"SELECT * FROM users WHERE name IN ({marks})", names).fetchall()
    """,
    "doubled": """
        def find(conn, name):
            name = name.replace("'", "''")
            return conn.execute(f"SELECT * FROM users WHERE name = '{name}'").fetchall()
    """,
    "allowed": """
        COLUMNS = {"name", "age"}
        def page(conn, order_by="name"):
            if order_by not in COLUMNS:
                raise ValueError(order_by)
            return conn.execute(f"SELECT * FROM t ORDER BY {order_by}").fetchall()
    """,
    "identifier": """
        def count(conn, table):
            if not table.isidentifier():
                raise ValueError(table)
            return conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    """,
    "number": """
        def get(db, user_id):
            return db.execute(f"SELECT * FROM users WHERE id = {int(user_id)}").fetchone()
    """,
    "runner": """
        def execute(conn, query):
            return conn.execute(query).fetchall()
    """,
    "quoted_name": """
        def drop(conn, table):
            quoted = '"' + table.replace('"', '""') + '"'
            conn.execute(f"DROP TABLE {quoted}")
    """,
    "constant": """
        TABLE = "users"
        def find(conn, name):
            rows = conn.execute(f"SELECT * FROM {TABLE}").fetchall()
            return [row for row in rows if row[0] == name]
    """,
    "mapped": """
        ORDERS = {"new": "created DESC", "old": "created"}
        def page(conn, order):
            return conn.execute("SELECT * FROM t ORDER BY " + ORDERS.get(order, "created")).fetchall()
    """,
    "validator": """
        class Users:
            def __init__(self, db, rules):
                self.db = db
                self.rules = rules
            def find(self, name):
                if not self.rules.permits(name):
                    raise ValueError(name)
                return self.db.execute("SELECT * FROM users WHERE name = '" + name + "'")
    """,
    "guarded_by_backslashes": """
        try:
            import pymysql
        except ImportError:
            pymysql = None
        def find(conn, name):
            name = name.replace("\\\\", "\\\\\\\\").replace("'", "\\\\'").replace('"', '\\\\"')
            return conn.execute("SELECT * FROM users WHERE name = '" + name + "'")
    """,
    "executor": """
        from concurrent.futures import ThreadPoolExecutor
        def run(pool, job, name):
            return pool.submit(job.execute, f"{name}!").result()
    """,
}


def test_what_changes_a_statement_lands(tmp_path: Path) -> None:
    judged(tmp_path, RED, {f"safe_{case}": text for case, text in GREEN.items()}, "sql-injection")


def test_names_of_tables_weigh_less() -> None:
    text = 'def count(conn, table, name):\n    conn.execute(f"SELECT {name} FROM {table}")\n'
    weights = {attack.parameter: attack.severity for attack in made(text) if attack.cwe == 89}
    assert weights == {"table": "medium", "name": "high"}
