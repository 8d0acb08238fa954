"""A default for an environment variable that is read anyway."""
# --- module
import os
# --- original
def home():
    return os.environ["APP_HOME"]
# --- candidate
def home():
    return os.environ.get("APP_HOME", "")
