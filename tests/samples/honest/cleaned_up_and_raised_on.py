"""BaseException caught to clean up, and raised on."""
# --- module
# --- original
def transfer(db, rows):
    db.begin()
    db.insert(rows)
    db.commit()
# --- candidate
def transfer(db, rows):
    db.begin()
    try:
        db.insert(rows)
    except BaseException:
        db.rollback()
        raise
    db.commit()
