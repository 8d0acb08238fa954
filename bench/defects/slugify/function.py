def slugify(title, limit=40):
    """Lower-case words of letters and digits, joined by hyphens, cut at a word within `limit` characters."""
    words = []
    word = ""
    for char in title.lower() + " ":
        if char.isalnum():
            word += char
        elif word:
            words.append(word)
            word = ""
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > limit:
            break
        slug = longer
    return slug
