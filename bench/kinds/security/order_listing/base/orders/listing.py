"""Orders of one customer."""


def create(db):
    db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, placed TEXT, cents INTEGER)")
    db.execute("CREATE TABLE secret (word TEXT)")


def place(db, customer, placed, cents):
    db.execute("INSERT INTO orders (customer, placed, cents) VALUES (?, ?, ?)", (customer, placed, cents))
