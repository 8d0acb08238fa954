"""Help pages, in the languages of the customers."""

import os


class HelpPages:
    """Pages as text files: `LANGUAGE/NAME.txt`."""

    def __init__(self, folder, default="en"):
        self.folder = folder
        self.default = default

    def read(self, name, language=None):
        """The page's text, in the default language where there is no other; None where there is none."""
        for tongue in (language or self.default, self.default):
            root = os.path.realpath(self.folder)
            path = os.path.realpath(os.path.join(root, tongue, name))
            if path.startswith(root + os.sep) and os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    return file.read()
        return None

    def languages(self):
        return sorted(name for name in os.listdir(self.folder) if os.path.isdir(os.path.join(self.folder, name)))
