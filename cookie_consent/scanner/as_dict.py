"""Scans as JSON: what ``scan --format json`` writes, and what other commands read."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.model import Scan

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["FORMAT", "as_dict", "from_dict", "parsed", "read", "written"]

FORMAT = 1
"""The version of the format. It rises when a reader of the old one could no longer read the new one."""
_HIDDEN: Any = {
    "cookies": {"__all__": {"sample"}},
    "pages": {"__all__": {"screenshots"}},
    "page": {"screenshots"},
}
"""Never written: values of cookies, which may open a session, and pictures."""
_T = TypeVar("_T")


def as_dict(scan: Scan) -> dict[str, Any]:
    """Return the scan as an object of JSON, without values of cookies and without screenshots."""
    return {"format": FORMAT, **written(scan)}


def from_dict(data: Any) -> Scan:
    """Return the scan that ``as_dict`` wrote. Raises ``ConfigurationError`` for anything else."""
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ConfigurationError(
            f"this is no scan of format {FORMAT}; write one with `cookie-consent scan URL --format json`"
        )
    return read(Scan, data)


def parsed(text: bytes) -> Any:
    """Return what a text of JSON holds. Raises ``ValueError`` for others, and for ``Infinity`` and ``1e999``."""
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def written(thing: Any) -> dict[str, Any]:
    """Return one of the model's objects, or one that is made of them, as an object of JSON."""
    kind: Any = type(thing)
    adapter = _adapter(kind)
    data: dict[str, Any] = adapter.dump_python(thing, mode="json", exclude=_HIDDEN)
    return data


def read(kind: type[_T], data: Any) -> _T:
    """Return what ``written`` has written. Raises ``ConfigurationError`` for anything else."""
    from pydantic import ValidationError

    wanted: Any = kind
    try:
        thing: _T = _adapter(wanted).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigurationError(f"the scan cannot be read: {where}: {first['msg']}") from None
    return thing


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number of JSON")
    return number


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
