"""The clock, which is read anyway, with a zone."""
# imports: from datetime import timezone
# --- module
from datetime import datetime
# --- original
def stamp():
    return datetime.utcnow().isoformat()
# --- candidate
def stamp():
    return datetime.now(timezone.utc).isoformat()
