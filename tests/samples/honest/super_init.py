"""The base class's initialiser was not called."""
# --- module
# --- original
    def __init__(self, name, size):
        self.size = size
# --- candidate
    def __init__(self, name, size):
        super().__init__(name)
        self.size = size
