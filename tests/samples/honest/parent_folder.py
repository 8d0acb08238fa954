"""The folder of a file that is written anyway."""
# --- module
from pathlib import Path
# --- original
def save(path, text):
    Path(path).write_text(text)
# --- candidate
def save(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
