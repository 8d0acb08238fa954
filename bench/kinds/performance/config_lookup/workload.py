import json
import os
import tempfile

FOLDER = tempfile.mkdtemp()
PATH = os.path.join(FOLDER, "c.json")
with open(PATH, "w") as file:
    json.dump({f"section{n}": {"value": n, "text": "x" * 20} for n in range(300)}, file)
NAMES = [f"section{n}.value" for n in range(300)]


def run(module):
    return module.resolve(PATH, NAMES)
