"""A method that leaves all to its base class."""
# --- module
# --- original
    def __init__(self, name):
        self.name = name
        super().__init__()
# --- candidate
    def __init__(self, name):
        super().__init__(name)
