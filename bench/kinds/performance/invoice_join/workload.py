CUSTOMERS = [{"id": n, "name": f"c{n}"} for n in range(1200)]
INVOICES = [{"customer": (n * 7) % 1300, "cents": n} for n in range(1200)]


def run(module):
    return module.with_customers(INVOICES, CUSTOMERS)
