"""A registry of makers by name."""


class UnknownPlugin(LookupError):
    """No maker of that name."""

    def __init__(self, name, known):
        super().__init__(f"unknown plugin {name!r}; known: {', '.join(sorted(known)) or 'none'}")


class Registry:
    """Makers by name, in small letters."""

    def __init__(self, makers):
        self.makers = dict(makers)

    def create(self, name, *args):
        """What a maker makes. Raises UnknownPlugin."""
        try:
            return self.makers[name.lower()](*args)
        except AttributeError:
            raise UnknownPlugin(name, self.makers) from None
