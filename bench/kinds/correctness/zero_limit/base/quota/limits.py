"""Limits of users, groups and the whole system."""

SYSTEM = 100


def effective_limit(user=None, groups=()):
    """A user's own limit, else the largest of the groups', else the system's. 0 forbids."""
    if user is not None:
        return user
    limits = [limit for limit in groups if limit is not None]
    return max(limits) if limits else SYSTEM


def allowed(used, user=None, groups=()):
    return used < effective_limit(user, groups)
