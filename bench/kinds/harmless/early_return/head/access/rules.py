"""Who may do what."""


def may_edit(user, document):
    """Whether a user may edit a document."""
    if not user.get("active", True):
        return False
    if user.get("role") == "admin":
        return True
    if document["owner"] == user["id"]:
        return not document.get("locked", False)
    return user["id"] in document.get("editors", ())
