"""Checks of services."""


def run_checks(checks):
    """name -> whether the check succeeded; one that raises has not."""
    results = {}
    for name, check in checks.items():
        results[name] = _succeeds(check)
    return results


def _succeeds(check):
    try:
        return bool(check())
    except Exception:
        return False
