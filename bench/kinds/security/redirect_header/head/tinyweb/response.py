"""Answers of a small web server."""

REASONS = {200: "OK", 302: "Found", 404: "Not Found"}


class Response:
    """Status, headers and body of one answer."""

    def __init__(self, status=200, body=b""):
        self.status = status
        self.body = body
        self.headers = [("Content-Length", str(len(body)))]

    def add(self, name, value):
        self.headers.append((name, str(value)))
        return self

    def head(self):
        """The first lines, as bytes."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, '')}".rstrip()]
        lines += [f"{name}: {value}" for name, value in self.headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def redirect(location):
    """An answer that sends the browser elsewhere."""
    return Response(302).add("Location", location)
