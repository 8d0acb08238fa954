"""Sandboxes without an engine, walled by bubblewrap. Weaker than a container; must be asked for by name."""
