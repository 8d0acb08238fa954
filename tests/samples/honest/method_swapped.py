"""A procedure whose only call goes to another method."""
# --- module
# --- original
    def add_all(self, items):
        self.items.append(items)
# --- candidate
    def add_all(self, items):
        self.items.extend(items)
