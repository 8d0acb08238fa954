"""A procedure that gave something back."""
# --- module
# --- original
    def reset(self):
        self.items.clear()
        self.total = 0
        return self.items
# --- candidate
    def reset(self):
        self.items.clear()
        self.total = 0
