"""A method that gives back None instead of success."""
# --- module
# --- original
    def add(self, item):
        return self.items.append(item)
# --- candidate
    def add(self, item):
        self.items.append(item)
        return True
