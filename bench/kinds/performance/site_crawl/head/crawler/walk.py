"""Walking a site's links."""

def reachable(links, start):
    """Pages in the order of their distance from the start."""
    waiting = [start]
    seen = {start}
    order = []
    while waiting:
        page = waiting.pop(0)
        order.append(page)
        for target in links.get(page, ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return order


def unreachable(links, start):
    return sorted(set(links) - set(reachable(links, start)))
