"""The state of a scan in a browser, which is kept in a file after each page, so that an interrupted scan can go on."""

from __future__ import annotations

import json
import os
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError
from cookie_consent.ledger.exports.destination import find_output
from cookie_consent.scanner.as_dict import parsed, read, written
from cookie_consent.scanner.browser.addresses import is_same_site
from cookie_consent.scanner.browser.tour import MOST_KNOWN, Tour
from cookie_consent.scanner.model import Mode, Phase, Scan

if TYPE_CHECKING:
    from cookie_consent.scanner.collector import Bounds

__all__ = ["State", "StateFile"]

_KEY = "cookie-consent browser scan"
_FORMAT = 1
_LONGEST = 64 * 1024 * 1024
_LISTS = ("cookies", "keys", "requests", "snippets", "apis", "tools")


@dataclass(slots=True, kw_only=True)
class _Saved:
    """A tour as it is written."""

    phase: Phase
    queue: list[str]
    known: list[str]
    done: int
    is_left: bool


@dataclass(slots=True, kw_only=True)
class State:
    """How far a scan is: what it saw, the pages of each phase, and where the middleware answers."""

    scan: Scan
    tours: dict[Phase, Tour]
    prefixes: list[str]


class StateFile:
    """The file of one scan, which only its owner can read. It is replaced as a whole, so that it is never cut.

    Whatever is in it is checked, since a file that others could change must not lead the scan to other sites. Raises
    ``ConfigurationError`` for a file that is not the state of a scan, or one of another site.
    """

    def __init__(self, path: Path, site: str, bounds: Bounds) -> None:
        self.path = path
        self._site = site
        self._bounds = bounds

    def load(self) -> State | None:
        """Return the state that was kept, or None if there is none yet."""
        output = find_output(self.path)
        if output.is_stream:
            raise self._wrong("it is not a regular file")
        try:
            with output.path.open("rb") as file:
                content = file.read(_LONGEST + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"--resume {self.path} cannot be used: {error.strerror}") from None
        return self._state(self._document(content)) if content else None

    def save(self, state: State) -> bool:
        """Keep the state; return False if it is larger than what is read again, and the last one stays."""
        tours = [
            _Saved(
                phase=tour.phase,
                queue=list(tour.queue),
                known=list(tour.known),
                done=tour.done,
                is_left=tour.is_left,
            )
            for tour in state.tours.values()
        ]
        document: dict[str, Any] = {
            _KEY: _FORMAT,
            "site": self._site,
            "prefixes": state.prefixes,
            "tours": [written(tour) for tour in tours],
            "scan": written(state.scan),
        }
        content = json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"
        if len(content) > _LONGEST:
            return False
        try:
            path = find_output(self.path).path
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".cookie-consent.")  # only its owner can read it
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise ConfigurationError(f"--resume {self.path} cannot be written: {error.strerror}") from None
        return True

    def _document(self, content: bytes) -> dict[str, Any]:
        try:
            document = parsed(content) if len(content) <= _LONGEST else None
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or _KEY not in document:
            why = (
                "that of a scan without --browser"
                if content.startswith(b'{"cookie-consent scan":')
                else "not of a scan"
            )
            raise self._wrong(f"it is {why}")
        if document[_KEY] != _FORMAT:
            raise self._wrong(f"another version of this program has written it (format {str(document[_KEY])[:20]})")
        if document.get("site") != self._site:
            raise self._wrong(f"it is of a scan of {str(document.get('site'))[:200]!r}")
        return document

    def _state(self, document: dict[str, Any]) -> State:
        try:
            scan = read(Scan, document.get("scan"))
            saved = read(list[_Saved], document.get("tours"))
            prefixes = read(list[str], document.get("prefixes"))
        except (ConfigurationError, RecursionError):
            raise self._wrong("what it holds is not a scan") from None
        if not self._is_sound(scan, saved):
            raise self._wrong("what it holds is not a scan of this site")
        tours = {}
        for one in saved:
            tour = tours[one.phase] = Tour(one.phase)
            tour.known, tour.queue = dict.fromkeys(one.known), deque(one.queue)
            tour.done, tour.is_left = one.done, one.is_left
        return State(scan=scan, tours=tours, prefixes=prefixes)

    def _is_sound(self, scan: Scan, saved: list[_Saved]) -> bool:
        pages = [page for tour in saved for page in (*tour.queue, *tour.known)]
        pages += [page.address for page in scan.pages]
        is_bounded = all(len(getattr(scan, name)) <= self._bounds.things for name in _LISTS)
        return (
            scan.mode is Mode.BROWSER
            and is_bounded
            and all(tour.done >= 0 and len(tour.known) <= MOST_KNOWN for tour in saved)
            and all(set(tour.queue) <= set(tour.known) for tour in saved)
            and all(is_same_site(page, self._site) for page in set(pages))
        )

    def _wrong(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"--resume {self.path}: {why}; name another file, which need not exist")
