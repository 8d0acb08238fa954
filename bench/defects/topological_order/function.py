def topological_order(needs):
    """Names so that each comes after what it needs; raises ValueError on a cycle."""
    order = []
    state = {}

    def visit(name):
        if state.get(name) == "done":
            return
        if state.get(name) == "open":
            raise ValueError(f"cycle at {name}")
        state[name] = "open"
        for other in sorted(needs.get(name, ())):
            visit(other)
        state[name] = "done"
        order.append(name)

    for name in sorted(needs):
        visit(name)
    return order
