"""Comparison with other types."""
# --- module
# --- original
    def __eq__(self, other):
        return self.key == other.key
# --- candidate
    def __eq__(self, other):
        if not isinstance(other, self.__class__):
            return NotImplemented
        return self.key == other.key
