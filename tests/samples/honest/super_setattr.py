"""A special method of the base class."""
# --- module
# --- original
    def __setattr__(self, name, value):
        self.seen.add(name)
# --- candidate
    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        self.seen.add(name)
