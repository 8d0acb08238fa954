"""A lock that the object has."""
# --- module
import threading
# --- original
    def increment(self):
        self.value += 1
# --- candidate
    def increment(self):
        with self._lock:
            self.value += 1
