class RateLimiter:
    """At most `limit` events in any `period` seconds."""

    def __init__(self, limit, period):
        self.limit = limit
        self.period = period
        self.events = []

    def allow(self, now):
        """Whether an event at time `now` is allowed; it is counted if so."""
        while self.events and self.events[0] <= now - self.period:
            self.events.pop(0)
        if len(self.events) >= self.limit:
            return False
        self.events.append(now)
        return True
