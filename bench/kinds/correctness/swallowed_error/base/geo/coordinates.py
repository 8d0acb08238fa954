"""Points as people type them: `52.5, 13.4`."""


def parse_point(text):
    """(latitude, longitude). None for an empty text; raises ValueError for what is no point."""
    if not text.strip():
        return None
    parts = text.split(",")
    if len(parts) != 2:
        raise ValueError(f"no point: {text!r}")
    latitude, longitude = float(parts[0]), float(parts[1])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise ValueError(f"outside the globe: {text!r}")
    return latitude, longitude
