"""The search for documents in whose gated form something is live."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.consent import Consent
from cookie_consent.gate import TagGate
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter
from tests.fuzz.grammar import Document, document
from tests.fuzz.parsers import PARSERS, Findings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["BATCH", "Miss", "batch", "gated", "misses", "wrong"]

BATCH = 500
"""Documents of one seed."""
_FORM_TEXT = re.compile(r"(?<=<textarea>)(?s:.*?)(?=</textarea|\Z)")
_RAW_TEXT_END = re.compile("</(?:style|title|script|xmp|iframe|noembed|noframes|noscript)")
_POLICY = Policy(version="1")
_CLASSIFIER = Classifier(_POLICY)
_CONSENT = Consent(policy=_POLICY, granted=frozenset({"session"}))


@dataclass(frozen=True, kw_only=True)
class Miss:
    """A document that the gate did not hold, or whose form it changed."""

    seed: str
    what: str
    minimal: str
    output: str


def gated(markup: str) -> str:
    """Return the document as the gate lets it out to somebody who has agreed to nothing."""
    rewriter = Rewriter(TagGate(_CLASSIFIER, _CONSENT, "site.test"))
    return (rewriter.feed(markup.encode()) + rewriter.end()).decode("utf-8", "surrogateescape")


def wrong(parser: str, documents: Sequence[Document]) -> Iterator[str]:
    """Yield for each document what is wrong with its gated form, or nothing."""
    parse = PARSERS[parser]
    sources = ["".join(pieces) for pieces in documents]
    outputs = [gated(source) for source in sources]
    for source, output, readings in zip(sources, outputs, parse(outputs), strict=True):
        live = _live(readings)
        if live and "<textarea" in output:  # what a form sends stays as it is: there the CSP alone holds
            live = _live(next(iter(parse([_FORM_TEXT.sub("", output)]))))
        if live:
            yield ", ".join(dict.fromkeys(live))
        elif output != source and any(texts for _, texts in readings):
            yield _changed_texts(parser, source, readings)
        else:
            yield ""


def _live(readings: Sequence[Findings]) -> list[str]:
    return [carrier for carriers, _ in readings for carrier in carriers]


def _changed_texts(parser: str, source: str, readings: Sequence[Findings]) -> str:
    before = next(iter(PARSERS[parser]([source])))
    known = {_before_end(text) for _, texts in before for text in texts}
    texts = [_before_end(text) for _, texts in readings for text in texts]
    changed = [text for text in texts if text not in known and "consent" in text]
    return f"text of a form changed: {changed[0]}" if changed else ""


def _before_end(text: str) -> str:
    """Return the text up to where raw text ends: what is behind is markup to those that read this as raw text."""
    return _RAW_TEXT_END.split(text, maxsplit=1)[0]


def batch(seed: str) -> list[Document]:
    """Return the documents of a seed."""
    source = random.Random(seed)  # noqa: S311 - documents have to come again
    return [document(source) for _ in range(BATCH)]


def misses(parser: str, seed: str) -> Iterator[Miss]:
    """Yield what is wrong with the documents of a seed, each made as short as it can be."""
    documents = batch(seed)
    for number, what in enumerate(wrong(parser, documents)):
        if what:
            pieces = _minimal(parser, documents[number])
            source = "".join(pieces)
            yield Miss(seed=f"{seed}:{number}", what=what, minimal=source, output=gated(source))


def _minimal(parser: str, pieces: Document) -> Document:
    """Leave out every piece without which something is still wrong."""
    at = 0
    while at < len(pieces):
        fewer = pieces[:at] + pieces[at + 1 :]
        if next(iter(wrong(parser, [fewer]))):
            pieces, at = fewer, 0
        else:
            at += 1
    return pieces
