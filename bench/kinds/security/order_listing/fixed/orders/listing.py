"""Orders of one customer."""


def create(db):
    db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, placed TEXT, cents INTEGER)")
    db.execute("CREATE TABLE secret (word TEXT)")


def list_orders(db, customer, sort="placed", descending=False):
    """The customer's orders as dictionaries, sorted as the table's header was clicked."""
    if sort not in ("id", "placed", "cents"):
        raise ValueError(f"cannot sort by {sort!r}")
    direction = "DESC" if descending else "ASC"
    sql = "SELECT id, placed, cents FROM orders WHERE customer = ? ORDER BY " + sort + " " + direction
    rows = db.execute(sql, (customer,)).fetchall()
    return [{"id": number, "placed": placed, "cents": cents} for number, placed, cents in rows]


def place(db, customer, placed, cents):
    db.execute("INSERT INTO orders (customer, placed, cents) VALUES (?, ?, ?)", (customer, placed, cents))
