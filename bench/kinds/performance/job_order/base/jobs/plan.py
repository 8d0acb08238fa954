"""The order in which jobs are run."""


def urgent(jobs):
    return [job for job in jobs if job["priority"] == 0]
