"""How fast a site is scanned, beside programs that fetch its pages and look at nothing.

    python benchmarks/scan.py

Serves 500 pages on this machine, from another process, and reads all of them in turn with the scan, with ``wget
--mirror`` and with a loop of httpx that finds links by a regular expression and keeps four requests going. Each is a
process of its own, so that its peak of memory is its own. The order changes from round to round, and the median
counts. The loop judges nothing: the goal is a scan at half of its pace or more, in less than 200 MB.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = 500
ROUNDS = 3
GOAL = 0.5
MEMORY_GOAL = 200
SERVER = """
import asyncio, sys
COUNT = int(sys.argv[1])
CARD = "<article class=card><h2>Title {0}</h2><p>Some words about a thing.</p><img src=/i/{0}.jpg></article>"
ROWS = "".join(map(CARD.format, range(40)))
TAG = "<script src=https://www.googletagmanager.com/gtag/js></script>"
HEAD = TAG + "<link rel=stylesheet href=https://fonts.googleapis.com/css2?family=Inter>"
START = b"HTTP/1.1 200 OK\\r\\ncontent-type: text/html\\r\\nset-cookie: cart=1\\r\\ncontent-length: "
PAGES = {}
for number in range(COUNT):
    path = f"/s{number % 25}/p{number}/" if number else "/"
    links = [0, *range(number * 5 + 1, min(number * 5 + 6, COUNT)), (number * 7) % COUNT, (number * 11) % COUNT]
    menu = "".join(f'<a href="/s{each % 25}/p{each}/">{each}</a>' if each else '<a href="/">0</a>' for each in links)
    body = f"<!doctype html><title>{number}</title>{HEAD}<body>{menu}{ROWS}".encode()
    PAGES[path] = START + b"%d\\r\\n\\r\\n" % len(body) + body
MISSING = b"HTTP/1.1 404 x\\r\\ncontent-length: 0\\r\\n\\r\\n"
async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            writer.write(PAGES.get(head.split(b" ")[1].decode("latin-1"), MISSING))
            await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
SCAN = """
import asyncio, sys
from cookie_consent.scanner.crawl import crawl
from cookie_consent.scanner.options import CrawlOptions
count = int(sys.argv[2])
options = CrawlOptions(pages=count, depth=count, alike=count, delay=0)
scan = asyncio.run(crawl(sys.argv[1], options))
assert len(scan.pages) == count, len(scan.pages)
assert {cookie.name for cookie in scan.cookies} == {"cart"}
"""
LOOP = """
import asyncio, re, sys
import httpx
async def main():
    base, count = sys.argv[1].rstrip("/"), int(sys.argv[2])
    seen, waiting, active = {"/"}, ["/"], 0
    done = 0
    async with httpx.AsyncClient(base_url=base) as client:
        async def work():
            nonlocal active, done
            while waiting or active:
                if not waiting:
                    await asyncio.sleep(0.001)
                    continue
                active += 1
                text = (await client.get(waiting.pop())).text
                for link in re.findall(r'href="(/[^"]*)"', text):
                    if link not in seen:
                        seen.add(link)
                        waiting.append(link)
                active -= 1
                done += 1
        await asyncio.gather(*(work() for _ in range(4)))
    assert done == count, done
asyncio.run(main())
"""


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds that the command took, and the most memory that it had, in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    # wget ends with 8 where a page, such as robots.txt, is missing.
    assert process.returncode in ({0, 8} if "wget" in command[0] else {0}), f"{command[:2]}: {process.returncode}"
    return seconds, usage.ru_maxrss / 1000


def main() -> int:
    """Print pages a second and memory; return 1 if a goal is missed."""
    server = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", SERVER, str(PAGES)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
        commands = {
            "scan": [sys.executable, "-c", SCAN, url, str(PAGES)],
            "httpx loop": [sys.executable, "-c", LOOP, url, str(PAGES)],
        }
        wget = shutil.which("wget")
        if wget is not None:
            commands["wget --mirror"] = [wget, "--mirror", "--level=inf", "--quiet", "--reject", "jpg", url]
        else:
            print("wget --mirror: left out, since wget is not installed")
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for number in range(ROUNDS):
            names = list(commands)
            for name in names[number % len(names) :] + names[: number % len(names)]:
                with tempfile.TemporaryDirectory() as folder:
                    found[name].append(measured(commands[name], Path(folder)))
    finally:
        server.terminate()
        server.wait()
    pace = {name: PAGES / statistics.median(seconds for seconds, _ in runs) for name, runs in found.items()}
    memory = {name: max(peak for _, peak in runs) for name, runs in found.items()}
    print(f"{PAGES} pages, median of {ROUNDS}; starting the program counts")
    for name in commands:
        print(
            f"{name:<14} {pace[name]:>6.0f} pages/s  {memory[name]:>5.0f} MB  "
            f"the scan is {pace['scan'] / pace[name]:.2f} times as fast"
        )
    is_met = pace["scan"] / pace["httpx loop"] >= GOAL and memory["scan"] <= MEMORY_GOAL
    print(f"goal: {GOAL} times the loop in {MEMORY_GOAL} MB: {'met' if is_met else 'missed'}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
