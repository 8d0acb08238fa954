"""A procedure that hands its work on."""
# --- module
# --- original
    def validate(self, value):
        errors = []
        for check in self.checks:
            if not check(value):
                errors.append(value)
        if errors:
            raise ValueError(errors)
# --- candidate
    def validate(self, value):
        self.validate_all([value])
