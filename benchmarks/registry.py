"""What the registry costs: look-ups of cookies and hosts, and the start of the middleware.

Run with: ``python benchmarks/registry.py``. It measures the registry as it is, and one made from it by repeating its
services under other names until it has 10,000 rules for cookies. Beside each look-up stands what trying one regular
expression after the other costs in the same run. Times are CPU times, the best of several runs.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cookie_consent.site  # noqa: F401 - so that no start includes the imports
from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.policy.host_pattern import path_matches
from cookie_consent.policy.name_pattern import NamePattern
from cookie_consent.policy.registry.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE = import_module("cookie_consent.policy.registry")
RULES = 10_000
SERVICES = 500
RUNS = 5
UNKNOWN = [f"{word}_{number}" for number in range(100) for word in ("cart", "_g", "_hjs", "theme", "SES", "uid", "a")]
UNKNOWN_HOSTS = [f"{word}{number}.example.com" for number in range(100) for word in ("cdn", "www.a.b", "static.x")]


def numbered(name: str, number: int) -> str:
    """Return the pattern of a name with a number after the first characters, but not within a run such as `{hex:4}`."""
    start = re.split(r"[{*]", name)[0][:3]
    return f"{start}{number}{name[len(start) :]}"


def copied(entry: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a service of the registry under other names."""
    copy = {**entry, "name": f"{entry['name']} {number}", "inline": [f"{number}{mark}" for mark in entry["inline"]]}
    copy["cookies"] = [{**rule, "name": numbered(rule["name"], number)} for rule in entry["cookies"]]
    copy["storage"] = [{**rule, "name": f"{number}{rule['name']}"} for rule in entry["storage"]]
    hosts = (host.removeprefix("*.") for host in entry["hosts"])
    wild = ("*." if host.startswith("*.") else "" for host in entry["hosts"])
    copy["hosts"] = [f"{star}c{number}-{host}" for star, host in zip(wild, hosts, strict=True)]
    copy["stubs"] = [{**stub, "name": f"{stub['name']}{number}"} for stub in entry["stubs"]]
    return {key: value for key, value in copy.items() if value not in (None, "", [])}


def repeated(services: int, rules: int) -> bytes:
    """Return a compiled registry of copies of the real one's services: at least so many, with so many rules."""
    entries = {service_id: service.model_dump(mode="json") for service_id, service in MODULE.registry().items()}
    copies = -(-services // len(entries))
    density = -(-rules // (copies * sum(len(entry["cookies"]) for entry in entries.values())))
    tables: dict[str, dict[str, Any]] = {}
    for number in range(copies):
        for service_id, entry in entries.items():
            # Third parties that need no consent stay few, however large the registry becomes.
            is_necessary = entry["category"] == "session" and bool(entry["hosts"])
            if is_necessary and number:
                continue
            table = copied(entry, number)
            for more in range(1, density if not is_necessary else 1):
                other = copied(entry, number + more * copies)
                for key in ("cookies", "hosts", "storage"):
                    table[key] = [*table.get(key, []), *other.get(key, [])]
            tables[f"{service_id[:26]}-{number}"] = table
    # JSON is no TOML, so the reader of data files is given what it would have read.
    original = MODULE.compiled.__globals__["tomllib"].loads
    MODULE.compiled.__globals__["tomllib"].loads = json.loads
    try:
        return compiled({"copies.toml": json.dumps(tables).encode()})
    finally:
        MODULE.compiled.__globals__["tomllib"].loads = original


def use(content: bytes) -> None:
    """Have the process read this registry."""
    MODULE._content = lambda _: content  # noqa: SLF001
    MODULE.registry.cache_clear()


def microseconds(look_up: Callable[[str], object], names: list[str]) -> float:
    """Return the CPU time of one look-up, the best of several runs over the names."""
    best = float("inf")
    for _ in range(RUNS):
        start = time.process_time()
        for name in names:
            look_up(name)
        best = min(best, time.process_time() - start)
    return best / len(names) * 1e6


def naive(patterns: list[str]) -> Callable[[str], object]:
    """Return a look-up that tries one regular expression after the other."""
    expressions = [re.compile(NamePattern(pattern)._expression.pattern) for pattern in patterns]  # noqa: SLF001
    return lambda name: next((expression for expression in expressions if expression.fullmatch(name)), None)


def uncached_host(classifier: Classifier) -> Callable[[str], object]:
    """Return ``Classifier.host`` for a host that it has not seen yet."""
    rules_of, unknown = classifier._find_rules, classifier._find_unknown  # noqa: SLF001

    def find(host: str) -> object:
        for prefix, verdict in rules_of(host):
            if path_matches(prefix, "/"):
                return verdict
        return unknown(host)

    return find


def example(pattern: str) -> str:
    """Return a name or host that a pattern without runs matches."""
    return pattern.replace("*", "x1")


def row(title: str, fast: float, slow: float) -> None:
    """Print one line of the table."""
    print(f"  {title:<28}{fast:8.2f} µs{slow:12.1f} µs{slow / fast:9.0f} x")


def measure(title: str, content: bytes) -> None:
    """Print the look-ups' times."""
    use(content)
    services = list(MODULE.registry().values())  # all made, as after some minutes of a busy site
    cookies = [rule.name for service in services for rule in service.cookies if rule.domain is None]
    hosts = [host.partition("/")[0] for service in services for host in service.hosts]
    print(f"{title}: {len(services)} services, {len(cookies)} rules for cookies, {len(hosts)} hosts")
    classifier = Classifier(Policy(version="1"))
    known = [example(name) for name in cookies if "{" not in name]
    find = classifier._find_cookie  # noqa: SLF001 - past the cache
    slow, few = naive(cookies), slice(None, None, max(1, len(known) // 100))
    row("a cookie that is known", microseconds(find, known), microseconds(slow, known[few]))
    row("a cookie that is unknown", microseconds(find, UNKNOWN), microseconds(slow, UNKNOWN[:100]))
    known_hosts = [example(host) for host in hosts]
    by_host = uncached_host(classifier)
    slow = naive(hosts)
    row("a host that is known", microseconds(by_host, known_hosts), microseconds(slow, known_hosts[few]))
    row("a host that is unknown", microseconds(by_host, UNKNOWN_HOSTS), microseconds(slow, UNKNOWN_HOSTS[:100]))


def start(title: str, content: bytes, ledger: str) -> None:
    """Print the CPU time that one start of the middleware takes, reading the registry included."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        """Do nothing."""

    use(content)
    times = []
    for _ in range(RUNS + 1):
        MODULE.registry.cache_clear()
        before = time.process_time()
        ConsentMiddleware(app, Policy(version="1"), secret="k" * 40, ledger=ledger).check()
        times.append((time.process_time() - before) * 1000)
    # The first one in a process also makes what all later ones share, such as the templates' code.
    print(f"  {title:<28}{min(times[1:]):8.1f} ms; the first in a process {times[0]:.0f} ms")


def main() -> None:
    """Print the tables."""
    real = MODULE._content(MODULE.files("cookie_consent.policy.registry"))  # noqa: SLF001
    large = repeated(SERVICES, SERVICES * 4)
    huge = repeated(SERVICES, RULES)
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    print(f"{'':<30}{'look-up':>8}{'one by one':>18}")
    measure("as it is", real)
    measure("repeated", huge)
    with tempfile.TemporaryDirectory() as folder:
        ledger = f"sqlite:///{Path(folder) / 'consent.db'}"
        print("start of ConsentMiddleware")
        start("as it is", real, ledger)
        start(f"{SERVICES} services, {SERVICES * 4} rules", large, ledger)
        start(f"{RULES} rules", huge, ledger)


if __name__ == "__main__":
    main()
