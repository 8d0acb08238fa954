"""A procedure whose only call gets another argument."""
# --- module
import time
# --- original
def wait(seconds):
    time.sleep(seconds * 1000)
# --- candidate
def wait(seconds):
    time.sleep(seconds)
