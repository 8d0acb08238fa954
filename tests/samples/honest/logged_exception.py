"""A broad handler that tells."""
# --- module
import logging
logger = logging.getLogger(__name__)
# --- original
def notify(listeners, event):
    for listener in listeners:
        listener(event)
# --- candidate
def notify(listeners, event):
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            logger.exception("listener failed for %s", event)
