"""How fast the rewriter and the tag gate go through HTML, beside ``html.parser`` and ``bytes.find`` in the same run.

Run with a folder of HTML files, or without: then the pages are made here.
"""

from __future__ import annotations

import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

from cookie_consent.classify import Classifier
from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.policy import Policy
from cookie_consent.rewriter import Rewriter

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 16 * 1024
ROUNDS = 5
POLICY = Policy(version="1")
CLASSIFIER = Classifier(POLICY)
CONSENT = Consent(policy=POLICY, granted=frozenset({"session"}))


def made_pages() -> list[bytes]:
    """Return pages of a few sizes, with 25 third-party tags each."""
    article = b"<div class='story'><h2>Title</h2><p>Some words, <a href='/a?b=1&amp;c'>a link</a> and more.</p></div>\n"
    tag = b"<script async src='https://cdn.jsdelivr.net/npm/a.js'></script><img src='https://i.ytimg.com/vi/a.jpg'>\n"
    return [b"<!doctype html><body>" + (article * times + tag) * 25 + b"</body>" for times in (10, 40, 160)]


def gate(page: bytes) -> None:
    """Hold the page's third parties back."""
    rewriter = Rewriter(TagGate(CLASSIFIER, CONSENT, "page.example"))
    for at in range(0, len(page), CHUNK):
        rewriter.feed(page[at : at + CHUNK])
    rewriter.end()


def standard_parser(page: bytes) -> None:
    """Only parse it, with the standard library."""
    parser = HTMLParser()
    for at in range(0, len(page), CHUNK):
        parser.feed(page[at : at + CHUNK].decode("latin-1"))
    parser.close()


def find(page: bytes) -> None:
    """Only look for each tag's first byte, in a Python loop."""
    at = page.find(b"<")
    while at >= 0:
        at = page.find(b"<", at + 1)


def rate(work: Callable[[bytes], None], pages: list[bytes]) -> float:
    """Return MB/s, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for page in pages:
            work(page)
        best = max(best, sum(map(len, pages)) / (time.perf_counter() - start) / 1e6)
    return best


def main() -> None:
    """Print one line for each."""
    pages = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*.html"))] if sys.argv[1:] else made_pages()
    print(f"{len(pages)} pages, {sum(map(len, pages)) / 1e6:.1f} MB, chunks of {CHUNK // 1024} KiB, best of {ROUNDS}")
    base = rate(standard_parser, pages)
    for name, work in (("rewriter and gate", gate), ("html.parser", standard_parser), ("bytes.find", find)):
        speed = base if work is standard_parser else rate(work, pages)
        print(f"{name:<18} {speed:8.1f} MB/s {speed / base:8.2f} times html.parser")


if __name__ == "__main__":
    main()
