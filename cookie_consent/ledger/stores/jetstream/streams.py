"""The two streams of a JetStream ledger, and checks for settings of existing streams that would lose choices.

The stream of choices keeps each one until a drain has acknowledged it (work-queue retention); nothing else removes
it. The stream of notices, which hold no personal data, keeps everything.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, BadRequestError, NotFoundError

from cookie_consent.errors import LedgerError

if TYPE_CHECKING:
    from nats.js import JetStreamContext

    from cookie_consent.ledger.stores.jetstream.url import JetStreamUrl

__all__ = ["DUPLICATES", "ensure_streams", "notice_subject", "record_subject"]

DUPLICATES = 120.0
"""Seconds for which the servers detect duplicate message ids."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_NAME_IN_USE = 10058
_NO_CLUSTER = 10074


def record_subject(stream: str, visitor: str) -> str:
    """Return the subject for a visitor's records. An id that NATS does not allow in a subject is hashed."""
    return f"consent.{stream}.record.{_token(visitor)}"


def notice_subject(stream: str, notice_hash: str) -> str:
    """Return the subject for a notice."""
    return f"consent.{stream}.notice.{_token(notice_hash)}"


async def ensure_streams(context: JetStreamContext, url: JetStreamUrl, *, create: bool) -> None:
    """Check both streams, or create them; several hosts can do so at the same time.

    Raises ``LedgerError`` for a stream that would lose choices, and without ``create`` for a missing one.
    """
    for wanted in _streams(url):
        found = await _found(context, wanted)
        if found is None and create:
            try:
                found = (await context.add_stream(wanted)).config
            except BadRequestError as error:  # another host has created it meanwhile, with other settings
                found = await _found(context, wanted) if error.err_code == _NAME_IN_USE else None
                if found is None:
                    raise _cannot_make(url, wanted, error) from None
            except APIError as error:
                raise _cannot_make(url, wanted, error) from None
        if found is None:
            raise LedgerError(
                f"there is no stream {wanted.name} at {url.name}; it is created when a site with this ledger starts",
                url=url.name,
            )
        _check(found, wanted, url)


def _streams(url: JetStreamUrl) -> tuple[StreamConfig, StreamConfig]:
    choices = StreamConfig(
        name=url.stream,
        subjects=[f"consent.{url.stream}.record.*"],
        retention=RetentionPolicy.WORK_QUEUE,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=url.replicas,
        duplicate_window=DUPLICATES,
        deny_delete=True,
        deny_purge=True,
    )
    notices = StreamConfig(
        name=url.notices,
        subjects=[f"consent.{url.stream}.notice.*"],
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        storage=StorageType.FILE,
        num_replicas=url.replicas,
        duplicate_window=DUPLICATES,
        deny_delete=True,
        deny_purge=True,
    )
    return choices, notices


def _token(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def _found(context: JetStreamContext, wanted: StreamConfig) -> StreamConfig | None:
    try:
        return (await context.stream_info(str(wanted.name))).config
    except NotFoundError:
        return None


def _cannot_make(url: JetStreamUrl, wanted: StreamConfig, error: APIError) -> LedgerError:
    advice = "check that JetStream is enabled, and that this user may create streams"
    if error.err_code == _NO_CLUSTER:
        advice = (
            "this is a single server, not a cluster; add ?replicas=1 to the URL if losing its disk may lose choices"
        )
    cause = url.without_secrets(str(error.description or error))
    return LedgerError(f"the stream {wanted.name} cannot be created at {url.name}: {cause}; {advice}", url=url.name)


def _check(found: StreamConfig, wanted: StreamConfig, url: JetStreamUrl) -> None:
    """Raise ``LedgerError`` for settings that would lose choices or keep them from arriving."""
    faults = [
        text
        for is_fault, text in (
            (found.storage != StorageType.FILE, "it is kept in memory (storage must be file)"),
            (
                found.retention != wanted.retention,
                f"its retention is {_word(found.retention)}, not {_word(wanted.retention)}",
            ),
            (bool(found.max_age), "messages are dropped by age (max_age must be 0)"),
            (
                found.max_msgs_per_subject > 0,
                "messages are dropped by their number for a visitor (max_msgs_per_subject must be -1)",
            ),
            (
                found.discard != DiscardPolicy.NEW
                and any((limit or 0) > 0 for limit in (found.max_msgs, found.max_bytes)),
                "when it is full the oldest are dropped (discard must be new)",
            ),
            (found.subjects != wanted.subjects, f"its subjects are not {wanted.subjects}"),
            (
                (found.num_replicas or 1) < url.replicas,
                f"it has {found.num_replicas or 1} replicas, and the URL asks for {url.replicas}",
            ),
            (found.no_ack, "it acknowledges nothing (no_ack)"),
            (found.sealed, "it is sealed"),
            (found.mirror is not None, "it mirrors another stream"),
            (found.subject_transform is not None, "it changes subjects"),
            (found.duplicate_window < DUPLICATES, f"its duplicate window is shorter than {DUPLICATES:g} seconds"),
            (_word(getattr(found, "persist_mode", None)) == "async", "it acknowledges before it stores (persist_mode)"),
        )
        if is_fault
    ]
    if faults:
        raise LedgerError(
            f"the stream {found.name} at {url.name} would lose choices: {'; '.join(faults)}; "
            "change it, or name another stream in the ledger's URL",
            url=url.name,
        )


def _word(value: object) -> str:
    return str(getattr(value, "value", value))
