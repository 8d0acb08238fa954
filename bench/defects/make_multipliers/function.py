def make_multipliers(factors, offset=0):
    """One function per factor: each multiplies by its factor and adds the offset."""
    functions = []
    for factor in factors:
        functions.append(lambda value, factor=factor: value * factor + offset)
    return functions
