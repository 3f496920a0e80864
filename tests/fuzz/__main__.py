"""Search for documents that the gate does not hold: ``python -m tests.fuzz --minutes 5 --parser lexbor --seed 1``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.parsers import PARSERS
from tests.fuzz.search import BATCH, misses


def main() -> int:
    """Print each miss with its seed, the shortest document that shows it, and what the gate made of that."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1, help="how long to search")
    parser.add_argument("--documents", type=int, default=0, help="how many documents to search instead")
    parser.add_argument("--parser", choices=sorted(PARSERS), default="lexbor")
    parser.add_argument("--seed", default="1", help="where to begin; SEED/NUMBER searches that batch alone")
    parser.add_argument("--most", type=int, default=20, help="stop after so many misses")
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    number = found = 0
    shown: set[str] = set()
    while (number * BATCH < options.documents) if options.documents else (time.monotonic() < end):
        seed = options.seed if "/" in options.seed else f"{options.seed}/{number}"
        for miss in misses(options.parser, seed):
            found += 1
            if miss.minimal not in shown:
                shown.add(miss.minimal)
                sys.stdout.write(f"{miss.seed} {miss.what}\n  {miss.minimal}\n  {miss.output}\n")
        number += 1
        if "/" in options.seed or len(shown) >= options.most:
            break
    sys.stdout.write(f"{options.parser}, seed {options.seed}: {number * BATCH} documents, {found} missed\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
