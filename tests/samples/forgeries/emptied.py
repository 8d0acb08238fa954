"""Does nothing any more."""
# --- module
# --- original
def apply(account, amount):
    account.balance -= amount
    account.history.append(amount)
# --- candidate
def apply(account, amount):
    pass
