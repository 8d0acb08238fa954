"""Threads of a forum."""


def new_thread(title, author, watchers=None):
    """A thread; its author watches it."""
    watchers = list(watchers or ())
    if author not in watchers:
        watchers.append(author)
    return {"title": title.strip(), "author": author, "watchers": watchers}
