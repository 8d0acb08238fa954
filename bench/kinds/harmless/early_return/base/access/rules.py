"""Who may do what."""


def may_edit(user, document):
    """Whether a user may edit a document."""
    if user.get("active", True):
        if user.get("role") == "admin":
            return True
        else:
            if document["owner"] == user["id"]:
                return not document.get("locked", False)
            else:
                return user["id"] in document.get("editors", ())
    else:
        return False
