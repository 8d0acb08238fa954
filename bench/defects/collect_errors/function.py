def collect_errors(form, rules, errors=None):
    """Messages by field for a form: a rule is (field, test, message); the first failing rule of a field counts."""
    if errors is None:
        errors = {}
    for field, test, message in rules:
        if field in errors:
            continue
        value = form.get(field)
        if value is None:
            errors[field] = "missing"
        elif not test(value):
            errors[field] = message
    return errors
