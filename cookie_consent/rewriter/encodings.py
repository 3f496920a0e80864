"""The names of encodings (Encoding standard, section 4.2), and the one that a page declares.

The label table is that of https://encoding.spec.whatwg.org/#names-and-labels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CODECS", "PRESCANNED", "content_charset", "declared_encoding", "encoding_of", "prescan", "xml_encoding"]

PRESCANNED = 1024
"""How many bytes are searched for a declaration (HTML standard, section 13.2.3.2)."""
_SPACE = b"\t\n\f\r "
_LABELS = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "ibm866": "866 cp866 csibm866 ibm866",
    "iso-8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso-8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso-8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso-8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso-8859-6": (
        "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
        "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"
    ),
    "iso-8859-7": (
        "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
        "iso_8859-7:1987 sun_eu_greek"
    ),
    "iso-8859-8": (
        "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 "
        "iso_8859-8:1988 visual"
    ),
    "iso-8859-8-i": "csiso88598i iso-8859-8-i logical",
    "iso-8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso-8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso-8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso-8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso-8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "macintosh": "csmacintosh mac macintosh x-mac-roman",
    "windows-874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "windows-1250": "cp1250 windows-1250 x-cp1250",
    "windows-1251": "cp1251 windows-1251 x-cp1251",
    "windows-1252": (
        "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
        "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252"
    ),
    "windows-1253": "cp1253 windows-1253 x-cp1253",
    "windows-1254": (
        "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 "
        "windows-1254 x-cp1254"
    ),
    "windows-1255": "cp1255 windows-1255 x-cp1255",
    "windows-1256": "cp1256 windows-1256 x-cp1256",
    "windows-1257": "cp1257 windows-1257 x-cp1257",
    "windows-1258": "cp1258 windows-1258 x-cp1258",
    "x-mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gbk": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "gb18030": "gb18030",
    "big5": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "iso-2022-jp": "csiso2022jp iso-2022-jp",
    "shift_jis": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "euc-kr": (
        "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"
    ),
    "replacement": "csiso2022kr hz-gb-2312 iso-2022-cn iso-2022-cn-ext iso-2022-kr replacement",
    "utf-16be": "unicodefffe utf-16be",
    "utf-16le": "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    "x-user-defined": "x-user-defined",
}
_ENCODINGS = {label: name for name, labels in _LABELS.items() for label in labels.split()}
CODECS = {
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "gbk": "gb18030",
    "iso-8859-8-i": "iso-8859-8",
    "macintosh": "mac-roman",
    "shift_jis": "cp932",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
}
"""Python's codecs, where the name differs or another codec is closer to the standard."""
_TAG = re.compile(rb"</?[A-Za-z][^\t\n\f\r >]*")
_META = re.compile(rb"<meta[\t\n\f\r /]", re.IGNORECASE)
_CHARSET = re.compile(r"charset[\t\n\f\r ]*", re.IGNORECASE)
_XML = re.compile(rb"<\?xml([^>]*)>")
_XML_ENCODING = re.compile(rb"encoding[\x00-\x20]*=[\x00-\x20]*([\"'])([^\x00-\x20]*?)\1")


class _OutOfBytes(Exception):  # noqa: N818 - the end of what is searched, not a fault
    """The prescan has reached the end of its bytes."""


def encoding_of(label: str) -> str:
    """Return the encoding's name (Encoding standard, section 4.2, "get an encoding"); empty for failure."""
    return _ENCODINGS.get(label.strip("\t\n\f\r ").lower(), "")


def declared_encoding(name: str) -> str:
    """Return the encoding to use for one declared inside the page, which cannot be UTF-16."""
    if name in {"utf-16le", "utf-16be"}:
        return "utf-8"
    return "windows-1252" if name == "x-user-defined" else name


def content_charset(content: str) -> str:
    """Return the encoding in a ``content`` attribute (HTML standard, section 2.6.5); empty for none."""
    at = 0
    while (match := _CHARSET.search(content, at)) is not None:
        at = match.end()
        if content[at : at + 1] != "=":
            continue
        value = content[at + 1 :].lstrip("\t\n\f\r ")
        if value[:1] in {'"', "'"}:
            label, quote, _ = value[1:].partition(value[0])
            return encoding_of(label) if quote else ""
        return encoding_of(re.split(r"[\t\n\f\r ;]", value, maxsplit=1)[0])
    return ""


def xml_encoding(data: bytes) -> str:
    """Return the encoding of an XML declaration (HTML standard, section 13.2.3.2, "get an XML encoding")."""
    declaration = _XML.match(data)
    if declaration is None or (found := declaration[1].find(b"encoding")) < 0:
        return ""
    match = _XML_ENCODING.match(declaration[1], found)
    name = encoding_of(match[2].decode("latin-1")) if match is not None else ""
    return "utf-8" if name in {"utf-16le", "utf-16be"} else name


def prescan(data: bytes) -> str:
    """Return the encoding that a ``meta`` in ``data`` declares; empty for none (HTML standard, section 13.2.3.2).

    ``data`` is the beginning of a page, at most ``PRESCANNED`` bytes.
    """
    if _META.search(data) is None:
        return ""
    try:
        return _search(data)
    except _OutOfBytes:
        return ""


def _search(data: bytes) -> str:
    at = 0
    while (at := data.find(b"<", at)) >= 0:
        if data.startswith(b"<!--", at):
            at = _after(data, b"-->", at + 2)
            continue
        tag = _TAG.match(data, at)
        if tag is not None:
            is_meta = _META.match(data, at) is not None
            attributes = _Attributes(data, at + 5 if is_meta else tag.end())
            if is_meta and (name := _declared(attributes)):
                return name
            for _ in attributes:
                pass
            at = attributes.at + 1
        elif data[at + 1 : at + 2] in {b"!", b"/", b"?"}:
            at = _after(data, b">", at)
        else:
            at += 1
    return ""


def _declared(attributes: _Attributes) -> str:
    """Return what a ``meta`` declares."""
    is_pragma, needs_pragma, charset = False, None, None
    seen: set[bytes] = set()
    for name, value in attributes:
        if name in seen:
            continue
        seen.add(name)
        if name == b"http-equiv":
            is_pragma = is_pragma or value == b"content-type"
        elif name == b"content":
            found = content_charset(value.decode("latin-1"))
            if found and charset is None:
                charset, needs_pragma = found, True
        elif name == b"charset":
            charset, needs_pragma = encoding_of(value.decode("latin-1")), False
    if needs_pragma is None or (needs_pragma and not is_pragma):
        return ""
    return declared_encoding(charset or "")


class _Attributes:
    """The attributes of the tag whose name ends at ``at`` (HTML standard, section 13.2.3.2, "get an attribute")."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at
        """The position of the search; after the last attribute, that of the tag's ``>``."""

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        while True:
            while self._byte() in _SPACE + b"/":
                self.at += 1
            if self._byte() == b">":
                return
            yield self._attribute()

    def _byte(self) -> bytes:
        if self.at >= len(self._data):
            raise _OutOfBytes
        return self._data[self.at : self.at + 1]

    def _skip_spaces(self) -> bytes:
        while self._byte() in _SPACE:
            self.at += 1
        return self._byte()

    def _attribute(self) -> tuple[bytes, bytes]:
        start = self.at
        while self._byte() != b"=" or self.at == start:
            if self._byte() in _SPACE + b"/>":
                break
            self.at += 1
        name = self._data[start : self.at].lower()
        if self._byte() in b"/>" or self._skip_spaces() != b"=":
            return name, b""
        self.at += 1
        quote = self._skip_spaces()
        if quote in b"\"'":
            start = self.at + 1
            self.at = _after(self._data, quote, start)
            return name, self._data[start : self.at - 1].lower()
        start = self.at
        while self._byte() not in _SPACE + b">":
            self.at += 1
        return name, self._data[start : self.at].lower()


def _after(data: bytes, end: bytes, at: int) -> int:
    found = data.find(end, at)
    if found < 0:
        raise _OutOfBytes
    return found + len(end)
