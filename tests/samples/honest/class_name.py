"""The class's name in a text."""
# --- module
# --- original
    def __repr__(self):
        return f"Point({self.x}, {self.x})"
# --- candidate
    def __repr__(self):
        return f"{type(self).__name__}({self.x}, {self.y})"
