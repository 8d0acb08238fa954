"""Checks of services."""

from concurrent.futures import ThreadPoolExecutor


def run_checks(checks):
    """name -> whether the check succeeded; one that raises has not."""
    if not checks:
        return {}
    with ThreadPoolExecutor(max_workers=min(4, len(checks))) as pool:
        return dict(zip(checks, pool.map(_succeeds, checks.values())))


def _succeeds(check):
    try:
        return bool(check())
    except Exception:
        return False
