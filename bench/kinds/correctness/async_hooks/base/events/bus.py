"""Handlers of events: plain functions and coroutines."""

import inspect


async def emit(handlers, event):
    """Calls all handlers in order; the results of those that gave one."""
    results = []
    for handler in handlers:
        result = handler(event)
        if inspect.isawaitable(result):
            result = await result
        if result is not None:
            results.append(result)
    return results
