def normalise_path(path):
    """A posix path without `.`, `..` and doubled slashes; `..` never climbs above an absolute root."""
    absolute = path.startswith("/")
    parts = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if parts and parts[-1] != "..":
                parts.pop()
            elif not absolute:
                parts.append(part)
        else:
            parts.append(part)
    joined = "/".join(parts)
    return "/" + joined if absolute else joined or "."
