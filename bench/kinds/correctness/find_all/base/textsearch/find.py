"""Where a text occurs in another."""


def find_all(text, wanted):
    """Starts of all occurrences that do not overlap; an empty text occurs nowhere."""
    if not wanted:
        return []
    places = []
    place = text.find(wanted)
    while place != -1:
        places.append(place)
        place = text.find(wanted, place + len(wanted))
    return places
