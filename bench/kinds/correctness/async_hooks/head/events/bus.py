"""Handlers of events: plain functions and coroutines."""

async def emit(handlers, event):
    """Calls all handlers in order; the results of those that gave one."""
    results = []
    for handler in handlers:
        result = await handler(event)
        if result is not None:
            results.append(result)
    return results
