def summarise_log(lines, level="INFO"):
    """Counts by source of the lines `LEVEL source: message` at or above a level; malformed lines are skipped."""
    ranks = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3}
    counts = {}
    for line in lines:
        head, found, _ = line.partition(": ")
        words = head.split()
        if not found or len(words) != 2:
            continue
        rank, source = words
        if ranks.get(rank, -1) < ranks[level]:
            continue
        counts[source] = counts.get(source, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
