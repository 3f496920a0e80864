"""What it saves to remember the markup that the pages of a site have in common.

    python benchmarks/recurring.py [FOLDER]

Gates the pages of a folder (else one that it makes) as the middleware does with nothing agreed to: without memory; for
the first time, which has to learn; and again with something else written in one place, or in ten, as where a page
greets its visitor or counts. Whole pages, one core, the best of some rounds in turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from cookie_consent import Policy
from cookie_consent.consent import Consent
from cookie_consent.gate import CachingTagGate, TagCache, TagGate
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import MarkupCache, Rewriter

ROUNDS = 9
SMALLEST = 20_000
"""Bytes; smaller pages are left out."""
POLICY = Policy(version="1")
CLASSIFIER = Classifier(POLICY)
CONSENT = Consent(policy=POLICY, granted=frozenset({"session"}))
KINDS = ("without memory", "for the first time", "one place differs", "ten places differ")


class Memory:
    """What a site keeps of its pages."""

    def __init__(self) -> None:
        self.tags = TagCache()
        self.markup = MarkupCache()


def gate(page: bytes, memory: Memory | None) -> bytes:
    """Return the gated page."""
    tags = TagGate(CLASSIFIER, CONSENT, "page.example")
    if memory is None:
        rewriter = Rewriter(tags)
    else:
        rewriter = Rewriter(CachingTagGate(tags, memory.tags, CONSENT.state), markup_cache=memory.markup)
    return rewriter.feed(page) + rewriter.end()


def changed(page: bytes, places: int, number: int) -> bytes:
    """Return the page with the number written at the end of links or paragraphs, spread over it."""
    parts = []
    at = 0
    for place in range(places):
        found = max(page.find(b"</a>", place * len(page) // places), page.find(b"</p>", place * len(page) // places))
        if found >= at:
            parts += [page[at:found], b" %d" % number]
            at = found
    return b"".join([*parts, page[at:]])


def seconds(page: bytes, memory: Memory | None) -> float:
    """Return how long the page takes."""
    start = time.perf_counter()
    gate(page, memory)
    return time.perf_counter() - start


def measure(page: bytes) -> list[float]:
    """Return the shortest time for each kind."""
    known = Memory()
    for number in range(3):
        gate(changed(page, 10, number), known)
    best = [float("inf")] * len(KINDS)
    for turn in range(ROUNDS):
        number = 10**turn
        times = [
            seconds(page, None),
            seconds(page, Memory()),
            seconds(changed(page, 1, number), known),
            seconds(changed(page, 10, number), known),
        ]
        best = [min(pair) for pair in zip(best, times, strict=True)]
    if gate(page, known) != gate(page, None):
        raise SystemExit("a page came out differently; please report it")
    return best


def made() -> bytes:
    """Return a page of about 100 KB with 25 third-party tags."""
    rows = [
        f'<div class="story"><h2>Title {row}</h2><p>Some words, <a href="/a?b={row}">a link</a> and more.</p></div>\n'
        + (f'<img src="https://i.ytimg.com/vi/{row}.jpg" alt="A picture">' if row % 40 == 0 else "")
        for row in range(1000)
    ]
    return ("<!doctype html><html><head><title>News</title></head><body>" + "".join(rows) + "</body></html>").encode()


def main() -> None:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(description="Time pages that recur with small changes.")
    parser.add_argument("folder", nargs="?", type=Path, help="a folder with HTML files")
    folder = parser.parse_args().folder
    pages = [path.read_bytes() for path in sorted(folder.rglob("*.htm*"))] if folder is not None else [made()]
    times = [measure(page) for page in pages if len(page) >= SMALLEST]
    print(f"{len(times)} pages, {sum(map(len, pages)) / 1e6:.1f} MB")
    for kind, column in zip(KINDS, zip(*times, strict=True), strict=True):
        ratios = [base[0] / time for base, time in zip(times, column, strict=True)]
        print(f"{kind:20} {sum(column) * 1e3:8.1f} ms   times as fast: median {statistics.median(ratios):.2f}, "
              f"from {min(ratios):.2f} to {max(ratios):.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
