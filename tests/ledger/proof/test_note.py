from __future__ import annotations

import sys
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent import ConfigurationError
from cookie_consent.ledger.proof.checkpoint import Checkpoint, open_checkpoint
from cookie_consent.ledger.proof.keys import load_signers
from cookie_consent.ledger.proof.note import NoteError, Signer, Verifier, new_key, open_note, sign_note, signature_keys

if TYPE_CHECKING:
    from pathlib import Path

# The example of Go's documentation (https://pkg.go.dev/golang.org/x/mod/sumdb/note).
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
OTHER = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
OTHER_PUBLIC = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"

texts = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20), min_size=1).map(
    lambda lines: "\n".join(lines) + "\n"
)


def test_the_example_of_the_go_package() -> None:
    signer = Signer.parse(PRIVATE)
    verifier = Verifier.parse(PUBLIC)
    assert signer.verifier == verifier
    assert verifier.text == PUBLIC
    note = sign_note(TEXT, [signer])
    assert note == f"{TEXT}\n{SIGNATURE}"
    assert open_note(note, [verifier]) == (TEXT, [verifier])
    both = note + OTHER
    assert [name for name, _ in signature_keys(both)] == ["PeterNeumann", "EnochRoot"]
    assert open_note(both, [verifier]) == (TEXT, [verifier])  # the unknown one is left unread
    assert open_note(both, [Verifier.parse(OTHER_PUBLIC)])[1][0].name == "EnochRoot"
    assert "AYEKFALV" not in repr(signer)


@given(texts, st.data())
def test_notes_are_opened_and_touched_ones_refused(text: str, data: st.DataObject) -> None:
    private, verifier = new_key("log.example/ü")
    note = sign_note(text, [Signer.parse(private)])
    assert open_note(note, [verifier]) == (text, [verifier])
    raw = bytearray(note.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        touched = raw.decode()
    except UnicodeDecodeError:
        return
    try:
        opened, _ = open_note(touched, [verifier])
    except NoteError:
        return
    assert opened == text  # only what no signature covers may differ: unused bits of the base64


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        f"{TEXT}\n",
        f"{TEXT}{SIGNATURE}",  # no empty line between
        f"{TEXT}\n{SIGNATURE.rstrip()}",  # no end of the last line
        f"{TEXT}\n{SIGNATURE}\n",  # an empty line more, so that the text would be another
        f"{TEXT}\nPeterNeumann x08go/ZJkuBS9UG/\n",  # no dash
        f"{TEXT}\n— PeterNeumann\n",
        f"{TEXT}\n— PeterNeumann !!!!\n",
        f"{TEXT}\n— PeterNeumann AAAA\n",  # too short
        f"{TEXT}\n— Peter+Neumann x08go/ZJkuBS9UG/\n",
        f"a\tb\n\n{SIGNATURE}",
        f"\ud800\n\n{SIGNATURE}",
        f"{TEXT}\n{OTHER}",  # signed by another
        f"other{TEXT}\n{SIGNATURE}",
        f"{'a' * 70_000}\n\n{SIGNATURE}",
        f"{TEXT}\n{OTHER * 101}",
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [Verifier.parse(PUBLIC)])


@pytest.mark.parametrize(
    "key",
    [
        "",
        "PeterNeumann",
        PUBLIC.replace("c74f20a3", "c74f20a4"),  # another hash
        PUBLIC.replace("c74f20a3", "c74f20"),
        PUBLIC.replace("c74f20a3", "not hex!"),
        PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        PUBLIC.replace("+ARpc", "+AhpC"),  # another algorithm
        PUBLIC[:-4],
        PUBLIC + "!",
    ],
)
def test_a_wrong_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ConfigurationError):
        Verifier.parse(key)
    with pytest.raises(ConfigurationError) as caught:
        Signer.parse(f"PRIVATE+KEY+{key}")
    assert "ARpc" not in str(caught.value)


def test_a_text_that_no_note_can_hold() -> None:
    for text in ("no end", "a\x00\n"):
        with pytest.raises(ValueError, match="lines"):
            sign_note(text, [Signer.parse(PRIVATE)])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2028b"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"shop\.example"):
        new_key(name)


def test_checkpoints() -> None:
    private, verifier = new_key("shop.example/consent")
    checkpoint = Checkpoint("shop.example/consent", 20852163, b"\x07" * 32)
    assert checkpoint.body == f"shop.example/consent\n20852163\n{b64encode(bytes([7] * 32)).decode()}\n"
    assert Checkpoint.parse(checkpoint.body + "an extension\n") == checkpoint
    signer = Signer.parse(private)
    assert open_checkpoint(checkpoint.sign([signer]), [verifier]) == (checkpoint, [verifier])
    stolen = Checkpoint("other.example", 1, b"\x07" * 32).sign([signer])
    with pytest.raises(NoteError, match=r"of other\.example"):
        open_checkpoint(stolen, [verifier])


@pytest.mark.parametrize("lines", ["", "a", "a\n1", "a\n01\nAAAA", "a\n-1\n", "a\n1\n!", "\n1\n" + "A" * 43 + "="])
def test_what_is_no_checkpoint_is_refused(lines: str) -> None:
    with pytest.raises(NoteError, match="not a checkpoint"):
        Checkpoint.parse(lines)


def test_keys_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = new_key("shop.example")
    new, _ = new_key("shop.example")
    other, _ = new_key("other.example")
    assert load_signers() == []
    assert [signer.verifier for signer in load_signers(new)] == [Signer.parse(new).verifier]
    path = tmp_path / "consent.key"
    path.write_text(f"# signs from November on\n{new}\n\n{old}\n")
    monkeypatch.setenv("CONSENT_LEDGER_KEY", str(path))
    assert [signer.name for signer in load_signers()] == ["shop.example"] * 2
    for content, words in ((f"{new} {other}", "the same name"), ("# none", "no key in"), ("nonsense", "begins with")):
        path.write_text(content)
        with pytest.raises(ConfigurationError, match=words):
            load_signers()
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="not text"):
        load_signers()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_signers(tmp_path / "none")


def test_without_the_extra_one_is_told_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'cookie-consent\[proof\]'"):
        new_key("shop.example")
