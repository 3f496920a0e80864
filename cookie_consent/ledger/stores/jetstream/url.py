"""The URL of a JetStream ledger: ``nats://[USER:PASSWORD@]HOST[:PORT][,nats://HOST2…]/STREAM[?replicas=3]``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from cookie_consent.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SCHEMES", "JetStreamUrl", "is_jetstream", "parse_jetstream"]

SCHEMES = ("nats", "tls")
_EXAMPLE = "nats://nats1.example:4222,nats://nats2.example:4222,nats://nats3.example:4222/CONSENT"
_STREAM = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_REPLICAS = ("1", "3", "5")
_OPTIONS = ("ca", "credentials", "replicas")
_PORT = 4222


@dataclass(frozen=True, kw_only=True)
class JetStreamUrl:
    """The servers, credentials and stream of a JetStream ledger. Its ``repr`` shows no secret.

    ``credentials`` is the path of a NATS credentials file, ``ca`` that of the certificates to trust. ``name`` is the
    URL without secrets, for messages.
    """

    name: str
    servers: tuple[str, ...]
    stream: str
    replicas: int = 3
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    credentials: str | None = None
    ca: str | None = None

    @property
    def notices(self) -> str:
        """The name of the stream for notices."""
        return f"{self.stream}_NOTICES"

    def without_secrets(self, text: str) -> str:
        """Return a text with the secrets of this URL replaced."""
        for secret in (self.password, self.token):
            text = text.replace(secret, "***") if secret else text
        return text


def is_jetstream(url: str) -> bool:
    """Return whether the URL has a JetStream scheme."""
    return url.partition("://")[0] in SCHEMES


def parse_jetstream(url: str) -> JetStreamUrl:
    """Parse the URL. Raises ``ConfigurationError``, whose text contains no secrets."""
    address, _, query = url.partition("?")
    hosts, slash, stream = address.partition("://")[2].rpartition("/")
    if not slash or _STREAM.fullmatch(stream) is None:
        raise ConfigurationError(
            "the ledger's URL does not end with the name of a stream (letters, digits, - and _, 32 at most); "
            f"write it as in {_EXAMPLE}"
        )
    scheme = address.partition("://")[0]
    parts = [_split(part if "://" in part else f"{scheme}://{part}") for part in hosts.split(",")]
    servers = tuple(_server(part) for part in parts)
    user, password = _only({(part.username, part.password) for part in parts if part.username is not None})
    options = _options(query)
    name = ",".join(servers) + f"/{stream}" + (f"?{query}" if query else "")
    return JetStreamUrl(
        name=name,
        servers=servers,
        stream=stream,
        replicas=int(options.get("replicas", "3")),
        user=user if password is not None else None,
        password=password,
        token=user if password is None else None,
        credentials=options.get("credentials"),
        ca=options.get("ca"),
    )


def _split(part: str) -> SplitResult:
    try:
        split = urlsplit(part)
        known = split.scheme in SCHEMES and bool(split.hostname) and (split.port or _PORT) > 0
    except ValueError:
        known = False
    if not known or split.path or split.fragment:
        raise ConfigurationError(
            "a server in the ledger's URL is not of the form nats://HOST:PORT (in a password, the characters / , @ : "
            f"? and # are written as %2F %2C %40 %3A %3F and %23); write it as in {_EXAMPLE}"
        )
    return split


def _server(part: SplitResult) -> str:
    host = part.hostname or ""
    return f"{part.scheme}://{f'[{host}]' if ':' in host else host}:{part.port or _PORT}"


def _only(found: Iterable[tuple[str | None, str | None]]) -> tuple[str | None, str | None]:
    different = list(found)
    if len(different) > 1:
        raise ConfigurationError(
            "the servers in the ledger's URL have different users; they must have the same, as one cluster"
        )
    user, password = different[0] if different else (None, None)
    return unquote(user) if user else None, unquote(password) if password is not None else None


def _options(query: str) -> dict[str, str]:
    found = dict(parse_qsl(query, keep_blank_values=True))
    for name in found:
        if name not in _OPTIONS:
            raise ConfigurationError(
                f"the ledger's URL has an unknown option {name[:40]!r}; the options are {', '.join(_OPTIONS)}"
            )
    if found.get("replicas", "3") not in _REPLICAS:
        raise ConfigurationError("replicas in the ledger's URL must be 3 or 5, or 1 for a single server")
    return found
