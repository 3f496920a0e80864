"""Reads ``data:`` addresses as browsers do (Fetch standard, section 6, "data: URL processor")."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DataDocument", "data_documents", "scheme_of", "script_of"]

_SCHEME = re.compile(r"[\x00-\x20]*+([a-zA-Z][a-zA-Z0-9+.\-\t\n\r]*+):")
_REMOVED = {9: None, 10: None, 13: None}
_SPACE = "\t\n\f\r "
_PLAIN_IN_ADDRESS = " !$()*,/:;=?@[]^_`{|}~-."
_STRIP = "".join(map(chr, range(0x21)))
_PARAMETER = re.compile(r";[^;]*")
_CHARSET = re.compile(
    r"""(?:(?:charset|encoding)[\t\n\f\r ]*=|@charset)[\t\n\f\r ]*["']?([^\t\n\f\r "';>]*)""", re.IGNORECASE
)
_PLAIN = re.compile(
    r"utf-?8|(?:us-)?ascii|latin-?[0-9]+|l[0-9]|iso[_-]?8859.*|(?:windows-|x-cp|cp)(?:125[0-8]|874)|koi8.*|macintosh"
)
"""Labels of encodings in which an ASCII byte is always that ASCII character, and never part of another."""
_UTF_16 = re.compile(
    r"utf-?16(?:le)?|ucs-2|unicode|iso-10646-ucs-2|csunicode|unicodefeff|(?P<big>utf-16be|unicodefffe)"
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_NOT_READ = re.compile(
    rb"<!(?!--|\[CDATA\[)|<\?(?!xml[\t\n\r ?])|</?[\w.-]+:"
    rb"|xmlns:(?!xlink\b)[^\t\n\r =]+[\t\n\r ]*=[\t\n\r ]*[\"']http://www\.w3\.org/(?:1999/x|2000/svg)"
)
"""What the scanner does not read in XML: declarations, processing instructions, prefixed elements."""


class DataDocument(NamedTuple):
    """One reading of a ``data:`` address."""

    mime: str
    """The type as written, without ``base64``."""
    kind: str
    """``html``, ``xml``, ``css``, ``script``, ``playlist`` or ``json``; empty for what cannot load anything."""
    text: bytes | None
    """The content in an encoding that contains ASCII, or None if that cannot be determined."""

    def address(self, text: bytes) -> str:
        """Return the address of the document with another text."""
        return f"data:{self.mime},{quote(text, safe=_PLAIN_IN_ADDRESS)}"


def scheme_of(address: str) -> str:
    """Return the scheme of an address in lower case, or nothing."""
    match = _SCHEME.match(address)
    return match[1].translate(_REMOVED).lower() if match is not None else ""


def script_of(address: str) -> bytes:
    """Return the script of a ``javascript:`` address."""
    return unquote_to_bytes(_rest(address).encode("utf-8", "surrogateescape"))


def data_documents(address: str) -> Iterator[DataDocument]:
    """Yield the content of the address, in each way that browsers read it."""
    # Chromium accepts ``base64`` as any of the parameters, others only as the last. All of them end the address at "#".
    head, comma, body = address.partition(",")
    head = _rest(head).strip(_SPACE)
    if not comma or "#" in head:
        return
    parameters = [parameter.strip(_SPACE + ";").lower() for parameter in _PARAMETER.findall(head)]
    mime = _PARAMETER.sub(lambda match: "" if match[0].strip(_SPACE + ";").lower() == "base64" else match[0], head)
    kind = _kind(mime.lower())
    if not kind:
        return
    body = body.rstrip(_STRIP).translate(_REMOVED).partition("#")[0]
    content = unquote_to_bytes(body.encode("utf-8", "surrogateescape"))
    decoded = _decoded(content) if "base64" in parameters else None
    if decoded is not None:
        yield DataDocument(mime, kind, _text(mime, kind, decoded))
    if not parameters or parameters[-1] != "base64":
        yield DataDocument(mime, kind, _text(mime, kind, content))


def _rest(address: str) -> str:
    return address.strip(_STRIP).translate(_REMOVED).partition(":")[2]


def _kind(mime: str) -> str:
    """Return the kind of content; any mention in the type counts, because browsers read types in several ways."""
    for kind, marks in (
        ("xml", ("xml", "svg", "multipart")),
        ("html", ("html", "unknown", "*/*")),
        ("css", ("css",)),
        ("script", ("script",)),
        ("playlist", ("mpegurl", "dash")),
        ("json", ("json",)),
    ):
        if any(mark in mime for mark in marks):
            return kind
    return ""


def _decoded(content: bytes) -> bytes | None:
    """Decode forgivingly (Infra standard, section 7, "forgiving-base64 decode"); return None if that fails."""
    content = b"".join(content.split())
    if len(content) % 4 == 0:
        content = content.removesuffix(b"=").removesuffix(b"=")
    try:
        return base64.b64decode(content + b"=" * (-len(content) % 4), validate=True)
    except binascii.Error:
        return None


def _text(mime: str, kind: str, content: bytes) -> bytes | None:
    """Return the content, converted to UTF-8 if need be; None if its encoding may not contain ASCII."""
    declared = _CHARSET.search(mime)
    labels = [declared[1]] if declared is not None else _CHARSET.findall(content.decode("latin-1"))
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if encoding is None and declared is not None:
        wide = _UTF_16.fullmatch(declared[1].lower())
        encoding = wide and ("utf-16-be" if wide["big"] else "utf-16-le")
    if encoding is not None:
        content = "\ufeff".encode() + content.decode(encoding, "replace").lstrip("\ufeff").encode("utf-8", "replace")
    elif (
        b"\x1b" in content
        or not all(_PLAIN.fullmatch(label.lower()) for label in labels)
        or (not labels and not _is_utf_8(content))
    ):
        return None
    return None if kind == "xml" and _NOT_READ.search(content) is not None else content


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
