"""``HostTable``: finds the patterns for a host among thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cookie_consent.policy.host_pattern import HostPattern, path_rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["HostTable", "arranged"]


def arranged(patterns: Iterable[tuple[str, int]]) -> dict[str, dict[str, list[tuple[str, int]]]]:
    """Arrange valid host patterns, each with a number, in the way that ``HostTable`` takes. It can be written as JSON.

    Each domain has the paths of its patterns with their numbers, the closest path first.
    """
    exact: dict[str, list[tuple[str, int]]] = {}
    below: dict[str, list[tuple[str, int]]] = {}
    for pattern, number in patterns:
        parsed = HostPattern.parse(pattern)
        (below if parsed.is_wildcard else exact).setdefault(parsed.domain, []).append((parsed.path, number))
    for entries in (*exact.values(), *below.values()):
        entries.sort(key=lambda entry: path_rank(entry[0]))
    return {"exact": exact, "below": below}


class HostTable:
    """Looks hosts up in what ``arranged`` returns, by the host itself and then by each parent domain."""

    def __init__(self, arrangement: Mapping[str, Mapping[str, Any]]) -> None:
        self._exact: Mapping[str, Sequence[tuple[str, int]]] = arrangement["exact"]
        self._below: Mapping[str, Sequence[tuple[str, int]]] = arrangement["below"]

    def rules(self, host: str) -> list[tuple[str, int]]:
        """Return path and number of the patterns for the host, those of the nearest domain first."""
        return [rule for _, rules in self.levels(host) for rule in rules]

    def levels(self, host: str) -> list[tuple[int, Sequence[tuple[str, int]]]]:
        """Return the same for each domain that has any, after its level: the lower, the nearer to the host."""
        exact = self._exact.get(host)
        found = [(-1, exact)] if exact is not None else []
        below = self._below
        dot = host.find(".") if below else -1
        while dot >= 0:
            rules = below.get(host[dot + 1 :])
            if rules is not None:
                found.append((dot, rules))
            dot = host.find(".", dot + 1)
        return found

    def below(self, domain: str) -> list[int]:
        """Return the numbers of the patterns all of whose hosts are below a domain. Goes through all of them."""
        end = f".{domain}"
        found = [entry for name, entries in self._exact.items() if name.endswith(end) for entry in entries]
        for name, entries in self._below.items():
            if name == domain or name.endswith(end):
                found += entries
        return [number for _, number in found]
