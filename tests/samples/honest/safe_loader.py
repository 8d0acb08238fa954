"""Another function of a module that is in use."""
# --- module
import yaml
# --- original
def load(text):
    return yaml.load(text, Loader=yaml.Loader)
# --- candidate
def load(text):
    return yaml.safe_load(text)
