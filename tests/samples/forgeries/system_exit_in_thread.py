"""A thread that ends itself and hides the error."""
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    import threading
    def work():
        raise SystemExit
    threading.Thread(target=work).start()
    return sum(prices)
