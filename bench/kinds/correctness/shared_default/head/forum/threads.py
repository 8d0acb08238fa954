"""Threads of a forum."""


def new_thread(title, author, watchers=[]):
    """A thread; its author watches it."""
    if author not in watchers:
        watchers.append(author)
    return {"title": title.strip(), "author": author, "watchers": watchers}
