"""Limits of users, groups and the whole system."""

SYSTEM = 100


def effective_limit(user=None, groups=()):
    """A user's own limit, else the largest of the groups', else the system's. 0 forbids."""
    return user or max((limit for limit in groups if limit), default=SYSTEM)


def allowed(used, user=None, groups=()):
    return used < effective_limit(user, groups)
