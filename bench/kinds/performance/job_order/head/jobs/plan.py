"""The order in which jobs are run."""


def urgent(jobs):
    return [job for job in jobs if job["priority"] == 0]


def in_order(jobs):
    """Jobs by priority, then by name; the list that is given stays as it is."""
    remaining = list(jobs)
    ordered = []
    while remaining:
        first = min(remaining, key=lambda job: (job["priority"], job["name"]))
        remaining.remove(first)
        ordered.append(first)
    return ordered
