RECORDS = [{"id": n, "values": list(range(20)), "name": f"record {n}"} for n in range(100)]


def keep(record):
    return record


def run(module):
    return len(module.run_steps(RECORDS, [keep, keep]))
