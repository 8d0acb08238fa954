"""Plugins, each in a folder of its own."""

import os
import zipfile


def installed(root):
    """Names of the plugins that are there."""
    if not os.path.isdir(root):
        return []
    return sorted(name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name, "plugin.ini")))
