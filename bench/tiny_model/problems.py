"""Writes new tasks as a problem set for `tryline bench`.

python -m bench.tiny_model.problems OUT.jsonl [--count N] [--seed N] [--families key,shape]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bench.tiny_model import tasks


def main() -> None:
    """Writes the set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--families", default="key,shape")
    args = parser.parse_args()
    with args.out.open("w", encoding="utf-8") as file:
        for task in tasks.tasks(args.seed, args.count, args.families.split(",")):
            row = {
                "id": task.id,
                "function": "solve",
                "module": task.bad,
                "visible": task.visible,
                "hidden": task.hidden,
                "reference": task.good,
            }
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
