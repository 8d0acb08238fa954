"""A temporary file that is made, not only named."""
# --- module
import tempfile
# --- original
def scratch(suffix):
    return tempfile.mktemp(suffix)
# --- candidate
def scratch(suffix):
    return tempfile.NamedTemporaryFile(suffix=suffix, delete=False).name
