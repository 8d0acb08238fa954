"""Help pages, in the languages of the customers."""

import os


class HelpPages:
    """Pages as text files: `LANGUAGE/NAME.txt`."""

    def __init__(self, folder, default="en"):
        self.folder = folder
        self.default = default

    def languages(self):
        return sorted(name for name in os.listdir(self.folder) if os.path.isdir(os.path.join(self.folder, name)))
