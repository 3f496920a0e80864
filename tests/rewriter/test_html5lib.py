"""Every start tag of html5lib-tests' tokenizer suite.

The suite is of html5lib (https://github.com/html5lib/html5lib-tests). Its tokenizer does not build a tree, so a tag
that makes a browser read on as raw text is followed by markup there; such cases are compared up to that tag.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from cookie_consent.rewriter import Rewriter, StartTag
from cookie_consent.rewriter.grammar import RAW_TEXT

SUITE = Path(__file__).parents[1] / "data" / "html5lib-tests" / "tokenizer"
OPENERS = {
    "RCDATA state": "<{}>",
    "RAWTEXT state": "<{}>",
    "Script data state": "<script>",
    "PLAINTEXT state": "<plaintext>",
    "Data state": "",
}
DEFAULT_TAGS = {"RCDATA state": "title", "RAWTEXT state": "xmp"}
SWITCHES = RAW_TEXT | {b"plaintext", b"svg", b"math"}
Seen = list[tuple[str, dict[str, str]]]


class Collector:
    relative = True

    def __init__(self) -> None:
        self.seen: Seen = []

    def start_tag(self, tag: StartTag) -> bool:
        values = {_text(name): _normal(tag.get(name) or "") for name in tag.names()}
        self.seen.append((_text(tag.name), values))
        return False

    def text(self, _: StartTag, text: bytes, *, more: bool) -> bytes:  # noqa: ARG002
        return text


def _text(name: bytes) -> str:
    return _normal(name.decode("utf-8", "surrogateescape"))


def _normal(text: str) -> str:
    """Do what a browser's input stream and tokenizer do to newlines and NUL."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def cases() -> list[dict[str, Any]]:
    found = []
    for path in sorted(SUITE.glob("*.test")):
        document = json.loads(path.read_text("utf-8"))
        for case in document.get("tests", []):
            if case.get("doubleEscaped"):
                case = json.loads(re.sub(r"\\\\u([0-9A-Fa-f]{4})", r"\\u\1", json.dumps(case)))  # noqa: PLW2901
            found.append({**case, "file": path.name})
    return found


def expected(case: dict[str, Any]) -> Seen:
    return [(token[1], token[2]) for token in case["output"] if token[0] == "StartTag"]


def until_switch(seen: Seen) -> Seen:
    for at, (name, _) in enumerate(seen):
        if name.encode() in SWITCHES:
            return seen[: at + 1]
    return seen


def test_start_tags_agree_with_the_suite() -> None:
    compared, wrong = 0, []
    for case in cases():
        for state in case.get("initialStates", ["Data state"]):
            opener = OPENERS.get(state)
            if opener is None:  # "CDATA section state": only inside foreign content, where a prefix cannot lead
                continue
            prefix = opener.format(case.get("lastStartTag", DEFAULT_TAGS.get(state)))
            text = (prefix + case["input"]).encode("utf-8", "surrogatepass")
            for parts in ([text], [text[at : at + 1] for at in range(len(text))]):
                collector = Collector()
                scanner = Rewriter(collector, all_tags=True)
                for part in parts:
                    scanner.feed(part)
                scanner.end()
                assert not scanner._in_doubt
                seen = collector.seen[1:] if prefix else collector.seen
                compared += 1
                if until_switch(seen) != until_switch(expected(case)):
                    wrong.append((case["file"], case["description"], state, case["input"], seen, expected(case)))
    assert compared > 10_000
    assert not wrong, f"{len(wrong)} of {compared}, such as {wrong[:5]}"
