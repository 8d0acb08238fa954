JOBS = [{"name": f"job {(n * 7919) % 5000}", "priority": n % 5} for n in range(400)]


def run(module):
    return [job["name"] for job in module.in_order(JOBS)]
