"""How fast the rewriter goes through HTML, beside its peers in the same run.

The job is the same for all that rewrite: look at every attribute of every element that can make a browser fetch (the
list is ``SELECTOR``), and rename those with an absolute address. Those that only parse or search show what there is
to win. Peers that are not installed are left out: ``pip install python-lolhtml turbohtml lxml``, and for
html-rewriter-wasm ``npm install`` it somewhere and name that folder in ``NODE_PATH``.

    python benchmarks/rewriter.py [FOLDER OF HTML FILES]

Rounds of all are taken in turn, since machines are seldom idle; each one's best counts.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter, StartTag

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 16 * 1024
ROUNDS = 15
POLICY = Policy(version="1")
CLASSIFIER = Classifier(POLICY)
CONSENT = Consent(policy=POLICY, granted=frozenset({"session"}))
NAMES = ("src", "srcset", "href", "xlink:href", "poster", "data", "imagesrcset", "background", "ping")
SELECTOR = (
    "script, iframe[src], iframe[srcdoc], img[src], img[srcset], link[href], link[imagesrcset], source[src], "
    "source[srcset], video[src], video[poster], audio[src], track[src], embed[src], object[data], input[src], image, "
    'use, feimage, frame[src], portal[src], base[href], meta[http-equiv="refresh" i], [style], [background], [ping]'
)


def made_pages() -> list[bytes]:
    """Return pages of a few sizes, with 25 third-party tags each."""
    article = b"<div class='story'><h2>Title</h2><p>Some words, <a href='/a?b=1&amp;c'>a link</a> and more.</p></div>\n"
    tag = b"<script async src='https://cdn.jsdelivr.net/npm/a.js'></script><img src='https://i.ytimg.com/vi/a.jpg'>\n"
    return [b"<!doctype html><body>" + (article * times + tag) * 25 + b"</body>" for times in (10, 40, 160)]


def is_absolute(value: str) -> bool:
    """Say what the benchmark's job takes for an address of another host."""
    return value.startswith(("//", "http"))


class Rename:
    """The job, as a handler of our rewriter."""

    relative = False
    held = 0
    names = frozenset(name.encode() for name in NAMES)

    def start_tag(self, tag: StartTag) -> bool:
        """Rename the attributes with absolute addresses."""
        if tag.name == b"a":
            return False
        for name in self.names.intersection(tag.names()):
            if is_absolute(tag.get(name) or ""):
                Rename.held += 1
                tag.rename(name, b"data-" + name)
                tag.add(b"data-consent", "unclassified")
        return False

    def text(self, _: StartTag, text: bytes, *, more: bool) -> bytes:  # noqa: ARG002 - a handler's signature
        """Leave it."""
        return text


def ours(page: bytes) -> None:
    """Do the job with our rewriter."""
    feed(Rewriter(Rename()), page)


def gate(page: bytes) -> None:
    """Do all that the middleware does to a page: classify addresses, styles and inline scripts by the registry."""
    feed(Rewriter(TagGate(CLASSIFIER, CONSENT, "page.example")), page)


def feed(rewriter: Rewriter, page: bytes) -> None:
    """Pass the page through in chunks."""
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


def native(lolhtml: Any) -> Callable[[bytes], None]:
    """Do the job with lol_html's binding."""

    class Handler:
        held = 0

        def element(self, element: Any) -> None:
            for name in NAMES:
                value = element.get_attribute(name)
                if value is not None and is_absolute(value) and element.tag_name != "a":
                    Handler.held += 1
                    element.remove_attribute(name)
                    element.set_attribute("data-" + name, value)
                    element.set_attribute("data-consent", "unclassified")

    def work(page: bytes) -> None:
        rewriter = lolhtml.HTMLRewriter(lambda _: None)
        handler = Handler()
        rewriter.on(SELECTOR, handler)
        for at in range(0, len(page), CHUNK):
            rewriter.write(page[at : at + CHUNK])
        rewriter.end()

    return work


def tokenizer(turbohtml: Any) -> Callable[[bytes], None]:
    """Only tokenize, with turbohtml."""

    def work(page: bytes) -> None:
        for _ in turbohtml.tokenize(page.decode("utf-8", "replace")):
            pass

    return work


def libxml(etree: Any) -> Callable[[bytes], None]:
    """Only parse, with lxml."""

    def work(page: bytes) -> None:
        parser = etree.HTMLParser()
        for at in range(0, len(page), CHUNK):
            parser.feed(page[at : at + CHUNK])
        parser.close()

    return work


def installed() -> dict[str, Callable[[bytes], None]]:
    """Return the jobs of the peers that are there."""
    found = {}
    for name, module, make in (
        ("python-lolhtml", "lolhtml", native),
        ("turbohtml (tokens)", "turbohtml", tokenizer),
        ("lxml (parse)", "lxml.etree", libxml),
    ):
        try:
            found[name] = make(importlib.import_module(module))
        except ImportError:
            print(f"{name}: not installed")
    return found


def wasm(pages: list[bytes]) -> float | None:
    """Return the MB/s of html-rewriter-wasm, or None where it cannot run."""
    node = shutil.which("node")
    if node is None or not os.environ.get("NODE_PATH"):
        print("html-rewriter-wasm: needs node, and NODE_PATH with the package below it")
        return None
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, page in enumerate(pages):
            path = Path(folder) / str(number)
            path.write_bytes(page)
            files.append(str(path))
        script = str(Path(__file__).with_name("peers.mjs"))
        command = [node, script, str(CHUNK), str(ROUNDS), SELECTOR, " ".join(NAMES), *files]
        out = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own script
    return float(json.loads(out.stdout)["rate"])


def main() -> None:
    """Print one line for each."""
    pages = [path.read_bytes() for path in sorted(Path(sys.argv[1]).rglob("*.html"))] if sys.argv[1:] else made_pages()
    size = sum(map(len, pages))
    jobs = {"rewriter": ours, "rewriter and gate": gate, **installed(), "html.parser": standard_parser, "find": find}
    best = dict.fromkeys(jobs, float("inf"))
    rates: dict[str, float] = {}
    for turn in range(ROUNDS):
        if turn in {0, ROUNDS // 2}:
            rate = wasm(pages)
            if rate is not None:
                rates["html-rewriter-wasm"] = max(rate, rates.get("html-rewriter-wasm", 0))
        for name, work in jobs.items():
            start = time.perf_counter()
            for page in pages:
                work(page)
            best[name] = min(best[name], time.perf_counter() - start)
    rates |= {name: size / seconds / 1e6 for name, seconds in best.items()}
    print(f"{len(pages)} pages, {size / 1e6:.1f} MB, chunks of {CHUNK // 1024} KiB, best of {ROUNDS} rounds in turn")
    for name, rate in sorted(rates.items(), key=lambda entry: -entry[1]):
        print(f"{name:<20} {rate:8.1f} MB/s   the rewriter is {rates['rewriter'] / rate:6.2f} times as fast")


if __name__ == "__main__":
    main()
