"""What ``import cookie_consent`` costs, in CPU time.

    python benchmarks/imports.py [--rounds 15] [--most 200]

Each round starts two interpreters in turn: one imports what a site has imported anyway (``starlette.applications`` and
``pydantic``), the other the package as well. The same is done for a program that also makes a ``ConsentMiddleware``,
which imports the gates, templates and the store. Then the ten modules follow that cost most by themselves. Exits with
status 1 if the median difference of the import is above ``--most`` milliseconds.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

BASE = "import starlette.applications, pydantic"
IMPORT = f"{BASE}, cookie_consent"
MADE = (
    f"{IMPORT}; cookie_consent.ConsentMiddleware("
    "lambda scope, receive, send: None, secret='k' * 40, ledger='sqlite:///nowhere.db')"
)
COSTLIEST = 10


def cpu(code: str) -> float:
    """Return the milliseconds of CPU time, in user and system mode, that a new interpreter takes to run the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def differences(code: str, rounds: int) -> list[float]:
    """Return by how much the code takes longer than the base, for each round."""
    found = []
    for number in range(rounds):
        if number % 2:
            base, own = cpu(BASE), cpu(code)
        else:
            own, base = cpu(code), cpu(BASE)
        found.append(own - base)
    return found


def costliest(code: str) -> list[tuple[float, str]]:
    """Return the milliseconds that modules take by themselves, and their names, the costliest first."""
    listed = []
    for program in (BASE, code):
        command = [sys.executable, "-X", "importtime", "-c", program]
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own
        listed.append(done.stderr.splitlines())
    base, own = listed
    known = {line.rpartition("|")[2].strip() for line in base}
    found = []
    for line in own:
        alone, _, rest = line.removeprefix("import time:").partition("|")
        name = rest.rpartition("|")[2].strip()
        if alone.strip().isdecimal() and name not in known:
            found.append((int(alone) / 1000, name))
    return sorted(found, reverse=True)[:COSTLIEST]


def main() -> int:
    """Measure, and print the differences and the costliest modules."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--most", type=float, default=200.0, metavar="MS")
    options = parser.parse_args()
    cpu(MADE)  # the files are read from the disk, and compiled, before anything is measured
    medians = {}
    for name, code in (("import cookie_consent", IMPORT), ("and make the middleware", MADE)):
        found = differences(code, options.rounds)
        medians[code] = statistics.median(found)
        print(f"{name:<24} {medians[code]:5.0f} ms CPU above the base (median of {len(found)}; best {min(found):.0f})")
    print("\ncostliest modules of the import, in ms by themselves:")
    for alone, module in costliest(IMPORT):
        print(f"{alone:7.1f}  {module}")
    return int(medians[IMPORT] > options.most)


if __name__ == "__main__":
    sys.exit(main())
