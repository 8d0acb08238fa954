"""Meetings that clash."""


def conflicts(meetings):
    """Pairs of names of meetings (name, start, end) that overlap; the end is excluded."""
    found = []
    ordered = sorted(meetings, key=lambda meeting: (meeting[1], meeting[2]))
    for index, (name, _, end) in enumerate(ordered):
        for other, start, _ in ordered[index + 1 :]:
            if start > end:
                break
            found.append((name, other))
    return found
