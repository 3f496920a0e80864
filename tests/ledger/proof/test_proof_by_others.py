"""A proof is checked by what its documentation says, with nothing of this package: as a third party would."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cookie_consent import Ledger
from cookie_consent.ledger import new_key
from tests.ledger.making import make

if TYPE_CHECKING:
    from pathlib import Path


def canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def holds(text: str, published: str) -> bool:
    proof: dict[str, Any] = json.loads(text)
    name, key_hash, encoded = published.split("+", 2)
    public = Ed25519PublicKey.from_public_bytes(b64decode(encoded)[1:])
    if "record" in proof:
        leaf = dict(proof["record"])
        for field in ("control", "build", "edition", "regime", "note"):
            if not leaf[field]:
                del leaf[field]
        identifying = ("subject", "url", "user_agent_family", "ip", "region", "note")
        hidden = [leaf.pop(field) for field in identifying if field in leaf]
        if "salt" in proof:
            leaf["commitment"] = hmac.digest(b64decode(proof["salt"]), canonical(hidden), "sha256").hex()
        else:
            leaf["commitment"] = b64decode(proof["commitment"]).hex()
    else:
        leaf = {"event" if field == "kind" else field: value for field, value in proof["event"].items()}
    note, _, signatures = proof["checkpoint"].rpartition("\n\n")
    origin, size, root = note.split("\n")
    value, index, last = sha256(b"\0" + canonical(leaf)).digest(), proof["index"], int(size) - 1
    path = b64decode(proof["proof"])
    for at in range(0, len(path), 32):
        other = path[at : at + 32]
        if index % 2 or index == last:
            value = sha256(b"\1" + other + value).digest()
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            value = sha256(b"\1" + value + other).digest()
        index, last = index // 2, last // 2
    signature = b64decode(signatures.removeprefix(f"— {name} "))
    try:
        public.verify(signature[4:], (note + "\n").encode())
    except InvalidSignature:
        return False
    return origin == name and signature[:4].hex() == key_hash and last == 0 and value == b64decode(root)


@pytest.mark.parametrize("count", [1, 2, 77, 300])
def test_others_come_to_the_same(tmp_path: Path, count: int) -> None:
    key, verifier = new_key("shop.example/consent")
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db", key=key)
    written = [
        make(
            at,
            control=("save", "")[at % 2],
            note="n" * (at % 3),
            url='/ä \u2028"\\\x07',
            ip="192.0.2.0",
            subject=f"s{at}",
        )
        for at in range(count)
    ]
    ledger.append(written)
    ledger.seal()
    ledger.erase("s0")
    ledger.seal()
    names = [written[0].id, written[-1].id, written[count // 2].id, *(event.id for event in ledger.events())]
    for name in names:
        text = json.dumps(ledger.prove(name))
        assert holds(text, verifier.text)
        assert not holds(text.replace('"index": ', '"index": 1'), verifier.text)
        assert not holds(text.replace("given", "refused").replace("2026", "2027"), verifier.text)
    ledger.close()
