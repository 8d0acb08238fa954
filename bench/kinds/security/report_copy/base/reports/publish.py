"""Where finished reports go."""

import os


def published(folder):
    """Names of the reports that are public, newest last."""
    names = [name for name in os.listdir(folder) if name.endswith(".html")]
    return sorted(names, key=lambda name: (os.path.getmtime(os.path.join(folder, name)), name))
