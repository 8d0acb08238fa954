"""Settings of deployments: defaults and what a site overrides."""


def merged(defaults, overrides):
    """Defaults with overrides, section by section. A section that is None in the file stays as it is."""
    result = {name: dict(section) for name, section in defaults.items()}
    for name, section in (overrides or {}).items():
        result[name] = {**result.get(name, {}), **section}
    return result
