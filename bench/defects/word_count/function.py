def word_count(text):
    """How often each word occurs, case ignored, punctuation at its ends dropped."""
    counts = {}
    for raw in text.split():
        word = raw.strip(".,;:!?\"'()").lower()
        if not word:
            continue
        counts[word] = counts.get(word, 0) + 1
    return counts
