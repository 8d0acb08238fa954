"""Points as people type them: `52.5, 13.4`."""


def parse_point(text):
    """(latitude, longitude). None for an empty text; raises ValueError for what is no point."""
    try:
        latitude, longitude = (float(part) for part in text.split(","))
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise ValueError(f"outside the globe: {text!r}")
    except ValueError:
        return None
    return latitude, longitude
