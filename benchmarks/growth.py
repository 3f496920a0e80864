"""How time and memory of a page's way through the gate grow with its size, on input made to be slow.

    python benchmarks/growth.py [--plot FILE.svg]
    python benchmarks/growth.py --constructs

Each document is gated in pieces of 16 KiB, once for each size; the table gives the time for the largest, and by how
much it grows each time that the size doubles (the median: these times are short). Then a page of 1 GB is streamed
through the whole middleware, and the table gives the memory that this took beyond what the process had before.
Needs matplotlib for the plot.

With ``--constructs`` every construct of the grammar is repeated and left unclosed behind every beginning, in pages of
100 KB, in one piece and in pieces of 16 KiB. Printed are those that take more than 50 ms of the processor, and those
whose time grows by more than 2.2 times with twice the size.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import random
import resource
import statistics
import tempfile
import time
import tomllib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.consent import Consent
from cookie_consent.gate import CachingTagGate, TagCache, TagGate
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import MarkupCache, Rewriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope, Send

PIECE = 16 * 1024
LARGEST = 16_000_000
"""Bytes of the largest document; the others are a half, a quarter, an eighth and a sixteenth of it."""
ROUNDS = 3
STREAMED = 1_000_000_000


def _nested_frames(size: int) -> bytes:
    frame = "<img src=//x.test/a>"
    while len(frame) < size // 64:
        frame = f'<iframe srcdoc="{escape(frame)}"></iframe>'
    return (frame * (size // len(frame) + 1)).encode()[:size]


DOCUMENTS: dict[str, Callable[[int], bytes]] = {
    "plain text": lambda size: b"Some words of text. " * (size // 20),
    "'<' only": lambda size: b"<" * size,
    "'<a ' without end": lambda size: b"<a " * (size // 3),
    "'<!--' without end": lambda size: b"<!--" * (size // 4),
    "'</' without end": lambda size: b"</" * (size // 2),
    "open quote": lambda size: b"<img alt='" + b"x" * size,
    "open quote, '<' in it": lambda size: b"<img alt='" + b"<img src=//x.test/a>" * (size // 20),
    "one attribute": lambda size: b"<img alt='" + b"x" * size + b"' src=//x.test/a>",
    "many attributes": lambda size: b"<img" + b" a=b" * (size // 4) + b" src=//x.test/a>",
    "'=' only": lambda size: b"<p " + b"=" * size,
    "'=(' in text": lambda size: b"=(" * (size // 2),
    "open comment": lambda size: b"<!-- " + b"-" * size,
    "open script": lambda size: b"<script>" + b"<!--<script" * (size // 11),
    "script, ends in comments": lambda size: b"<script><!-- " + b"</script" * (size // 8),
    "open style": lambda size: b"<style>" + b"url(" * (size // 4),
    "style, open comments": lambda size: b"<style>" + b"/*url(" * (size // 6),
    "style attribute": lambda size: b"<p style='" + b"url(//x.test/a)" * (size // 15) + b"'>",
    "srcset": lambda size: b"<img srcset='" + b"//x.test/a 1x, " * (size // 15) + b"'>",
    "references": lambda size: b"<img src='//x.test/" + b"&amp" * (size // 4) + b"'>",
    "nested svg": lambda size: b"<svg>" * (size // 5),
    "nested svg and text": lambda size: b"<svg><title>" * (size // 12),
    "nested frames": _nested_frames,
    "nested noscript": lambda size: b"<noscript>" * (size // 10),
    "third-party tags": lambda size: b"<img src=https://i.ytimg.com/a.jpg>\n" * (size // 36),
    "tags, then no '>'": lambda size: b"<input>" * (size // 14) + b"<3 " * (size // 6),
    "tags that differ": lambda size: b"".join(b"<a href=/%d>b</a>" % n for n in range(size // 20)),
    "no tag, two quotes": lambda size: b"<p a=\"'>" * (size // 8),
    "addresses of spaces": lambda size: b"<img src='" + b" \t" * (size // 2) + b"//x.test'>",
    "svg styles without end": lambda size: b"<svg><style>" * (size // 12),
    "svg scripts without end": lambda size: b"<svg><script>" * (size // 13),
    "images without end": lambda size: b"<image " * (size // 7),
    "metas without end": lambda size: b"<meta a=h " * (size // 10),
    "type of spaces": lambda size: b"<script type='" + b" " * size + b"x'></script>",
    "refresh of spaces": lambda size: b"<meta http-equiv=refresh content='" + b" " * size + b"x'>",
}
CONSTRUCTS_SIZE = 100_000
MIXED = 60
"""So many constructs are made of three, drawn by chance."""
SLOW = 0.05
GROWS = 2.2


def gate(document: bytes, piece: int = PIECE) -> float:
    """Return the seconds of processor time that the document took."""
    policy = Policy(version="1")
    consent = Consent(policy=policy, granted=frozenset({"session"}))
    tags = TagGate(Classifier(policy), consent, "page.example")
    rewriter = Rewriter(CachingTagGate(tags, TagCache(), consent.state), markup_cache=MarkupCache())
    start = time.process_time()
    for at in range(0, len(document), piece):
        rewriter.feed(document[at : at + piece])
    rewriter.end()
    return time.process_time() - start


def grow() -> dict[str, list[tuple[int, float]]]:
    """Return, by kind of document, the sizes and the seconds that each took."""
    sizes = [LARGEST >> shift for shift in range(4, -1, -1)]
    print(f"{'document':26} {'seconds':>9} {'MB/s':>7} {'for twice the size':>19}")
    result = {}
    for name, make in DOCUMENTS.items():
        times = []
        for size in sizes:
            document = make(size)
            times.append((size, min(gate(document) for _ in range(ROUNDS))))
        result[name] = times
        ratios = [after / before for (_, before), (_, after) in itertools.pairwise(times)]
        seconds = times[-1][1]
        print(f"{name:26} {seconds:9.3f} {LARGEST / seconds / 1e6:7.0f} {statistics.median(ratios):18.2f}x", flush=True)
    return result


def try_constructs() -> None:
    """Print what is slow, or grows faster than its size, of all constructs behind all beginnings."""
    listed = tomllib.loads(Path(__file__).with_name("constructs.toml").read_text("utf-8"))
    chance = random.Random(MIXED)  # noqa: S311 - the same documents each time
    constructs = [*listed["constructs"], *("".join(chance.sample(listed["constructs"], 3)) for _ in range(MIXED))]
    pairs = list(itertools.product(listed["beginnings"], constructs))
    slow = growing = 0
    for (beginning, construct), piece in itertools.product(pairs, (PIECE, CONSTRUCTS_SIZE)):
        document = (beginning + construct * (CONSTRUCTS_SIZE // len(construct))).encode()
        if (seconds := gate(document, piece)) <= SLOW:
            continue
        seconds = min(seconds, *(gate(document, piece) for _ in range(ROUNDS)))
        ratio = seconds / min(gate(document[: CONSTRUCTS_SIZE // 2], piece) for _ in range(ROUNDS))
        slow += seconds > SLOW
        growing += ratio > GROWS
        if seconds > SLOW or ratio > GROWS:
            print(f"{beginning!r:30} {construct!r:26} {1000 * seconds:6.0f} ms {ratio:6.2f}x", flush=True)
    print(f"{len(pairs)} documents: {slow} take more than {1000 * SLOW:.0f} ms, {growing} grow more than {GROWS} times")


def plot(times: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """Draw time by size, both logarithmic: what is linear is a line of slope one."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "growth"
    figure, axes = plt.subplots(figsize=(9, 6), layout="constrained")
    styles = ("-", "--", ":")
    for at, (name, points) in enumerate(times.items()):
        axes.plot(
            [size / 1e6 for size, _ in points],
            [seconds for _, seconds in points],
            styles[at // 10],
            marker=".",
            label=name,
        )
    axes.set(xscale="log", yscale="log", xlabel="size of the document, MB", ylabel="time, s")
    axes.set_title("Time to gate a document made to be slow")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


async def _stream(piece: bytes, pieces: int) -> tuple[int, int]:
    """Return the bytes sent of a page of so many pieces, and the growth of the process in KiB."""
    sent = 0

    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        for at in range(pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": at < pieces - 1})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal sent
        sent += len(message.get("body", b""))

    with tempfile.TemporaryDirectory() as folder:
        middleware: Any = ConsentMiddleware(
            app, policy=Policy(version="1"), secret="x" * 32, ledger=f"sqlite:///{folder}/consent.db"
        )
        scope = {
            "type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http",
            "headers": [(b"host", b"page.example"), (b"sec-fetch-dest", b"document")],
        }  # fmt: skip
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        await middleware(scope, receive, send)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        middleware.reports.flush()
    return sent, after - before


def stream() -> None:
    """Stream 1 GB and print what memory it took."""
    piece = (
        b"<div class=story><p>Some words, <a href=/a>a link</a></p></div>\n" * 15
        + b"<div><img src=https://i.ytimg.com/vi/a.jpg alt='A picture'><script>var a = '<b>';</script></div>\n"
    ) * 60
    piece = piece[:-7]  # so that pieces end inside tags
    start = time.perf_counter()
    sent, grown = asyncio.run(_stream(piece, STREAMED // len(piece)))
    seconds = time.perf_counter() - start
    print(
        f"streamed {STREAMED / 1e6:.0f} MB in, {sent / 1e6:.0f} MB out, {seconds:.0f} s: memory +{grown / 1024:.1f} MB"
    )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw time by size")
    parser.add_argument("--constructs", action="store_true", help="try every construct of the grammar, repeated")
    options = parser.parse_args()
    if options.constructs:
        try_constructs()
        return
    stream()  # first, while the process is small
    times = grow()
    if options.plot is not None:
        plot(times, options.plot)


if __name__ == "__main__":
    main()
