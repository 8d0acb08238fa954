def retry(action, attempts, delay, sleep, errors=(Exception,)):
    """Calls `action` until it succeeds; waits twice as long after each failure; raises the last error."""
    wait = delay
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except errors:
            if attempt == attempts:
                raise
            sleep(wait)
            wait *= 2
    raise ValueError("attempts must be positive")
