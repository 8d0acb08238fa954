"""Comments of a blog as HTML."""

import html


def paragraphs(text):
    """The text's paragraphs, blank lines between them."""
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def render_comment(comment):
    """One comment: who wrote it, and its paragraphs."""
    author = (comment.get("author") or "anonymous").strip()
    body = "".join(f"<p>{html.escape(part)}</p>" for part in paragraphs(comment["text"]))
    return f'<article><header title="{author}">{author}</header>{body}</article>'


def render_thread(comments):
    if not comments:
        return "<p>No comments yet.</p>"
    return "\n".join(render_comment(comment) for comment in comments)
