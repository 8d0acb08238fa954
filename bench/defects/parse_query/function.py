def parse_query(text):
    """Key-value pairs of a query string; a key without `=` maps to an empty text, a repeated key keeps the last."""
    result = {}
    if text.startswith("?"):
        text = text[1:]
    for part in text.split("&"):
        if not part:
            continue
        key, _, value = part.partition("=")
        result[key] = value.replace("+", " ")
    return result
