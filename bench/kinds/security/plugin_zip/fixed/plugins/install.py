"""Plugins, each in a folder of its own."""

import os
import zipfile


def install(archive, root):
    """Unpacks a plugin's archive below `root`; returns the plugin's name."""
    name = os.path.splitext(os.path.basename(archive))[0]
    folder = os.path.join(root, name)
    with zipfile.ZipFile(archive) as packed:
        if "plugin.ini" not in packed.namelist():
            raise ValueError("no plugin: plugin.ini is missing")
        for member in packed.infolist():
            target = os.path.join(folder, member.filename)
            if os.path.commonpath([os.path.realpath(folder), os.path.realpath(target)]) != os.path.realpath(folder):
                raise ValueError(f"{member.filename} is outside the plugin")
            if member.is_dir():
                os.makedirs(target, exist_ok=True)
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(packed.read(member))
    return name


def installed(root):
    """Names of the plugins that are there."""
    if not os.path.isdir(root):
        return []
    return sorted(name for name in os.listdir(root) if os.path.isfile(os.path.join(root, name, "plugin.ini")))
