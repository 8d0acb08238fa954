"""Where finished reports go."""

import os


def publish(report, folder, title=None):
    """Copies a report to the public folder under its title; returns the new path."""
    if not os.path.isdir(folder):
        os.makedirs(folder)
    title = title or os.path.splitext(os.path.basename(report))[0]
    target = os.path.join(folder, f"{title}.html")
    if os.system(f"cp {report} {target}") != 0:
        raise OSError(f"could not publish {report}")
    return target


def published(folder):
    """Names of the reports that are public, newest last."""
    names = [name for name in os.listdir(folder) if name.endswith(".html")]
    return sorted(names, key=lambda name: (os.path.getmtime(os.path.join(folder, name)), name))
