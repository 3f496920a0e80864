from __future__ import annotations

from collections import Counter
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.ledger.proof.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash, verify_consistency, verify_inclusion
from cookie_consent.ledger.proof.tiles import TILE_WIDTH, TiledTree

# The leaves and roots that Certificate Transparency's implementations share as test vectors.
LEAVES = tuple(
    bytes.fromhex(leaf)
    for leaf in ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
)
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@cache
def reference_root(leaves: tuple[bytes, ...]) -> bytes:
    """RFC 6962, 2.1, word for word; what was computed for one tree is kept for the next."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + reference_root(leaves[:k]) + reference_root(leaves[k:])).digest()


def reference_path(index: int, leaves: tuple[bytes, ...]) -> list[bytes]:
    """RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if index < k:
        return [*reference_path(index, leaves[:k]), reference_root(leaves[k:])]
    return [*reference_path(index - k, leaves[k:]), reference_root(leaves[:k])]


def reference_proof(m: int, leaves: tuple[bytes, ...], whole: bool = True) -> list[bytes]:  # noqa: FBT001, FBT002 - as the RFC
    """RFC 6962, 2.1.2."""
    if m == len(leaves):
        return [] if whole else [reference_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*reference_proof(m, leaves[:k], whole), reference_root(leaves[k:])]
    return [*reference_proof(m - k, leaves[k:], False), reference_root(leaves[:k])]  # noqa: FBT003 - as the RFC


def grown(leaves: tuple[bytes, ...], steps: int = 1) -> TiledTree:
    """Build the tree in so many steps, each from what the one before has saved."""
    saved: dict[tuple[int, int], bytes] = {}
    tree = TiledTree(0, lambda level, number: saved[level, number])
    width = max(1, -(-len(leaves) // steps))
    for at in range(0, len(leaves), width):
        tree = TiledTree(at, lambda level, number: saved[level, number])
        tree.append(leaf_hash(leaf) for leaf in leaves[at : at + width])
        saved.update({key: bytes(tile) for key, tile in tree.changed.items()})
    return TiledTree(tree.size, lambda level, number: saved[level, number])


def leaves_of(size: int) -> tuple[bytes, ...]:
    return tuple(b"%d" % at for at in range(size))


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_known_roots(size: int, root: str) -> None:
    assert grown(LEAVES[:size]).root(size).hex() == root
    assert EMPTY_ROOT.hex() == ROOTS[0]


def test_every_proof_of_small_trees_is_the_references() -> None:
    leaves = leaves_of(20)
    tree = grown(leaves, 3)
    for new in range(1, 21):
        root = reference_root(leaves[:new])
        assert tree.root(new) == root
        for at in range(new):
            proof = tree.inclusion(at, new)
            assert proof == reference_path(at, leaves[:new])
            assert verify_inclusion(leaf_hash(leaves[at]), at, new, proof, root)
            old = at + 1
            proof = tree.consistency(old, new)
            assert proof == reference_proof(old, leaves[:new])
            assert verify_consistency(old, new, proof, reference_root(leaves[:old]), root)
        assert verify_consistency(0, new, [], EMPTY_ROOT, root)


@given(st.integers(1, 2**40), st.data())
def test_a_proof_looks_at_two_tiles_of_a_level_at_most(size: int, data: st.DataObject) -> None:
    looked: Counter[int] = Counter()

    def load(level: int, _number: int) -> bytes:
        looked[level] += 1
        return bytes(TILE_WIDTH * HASH_SIZE)

    index = data.draw(st.integers(0, size - 1))
    TiledTree(size, load).inclusion(index, size)
    assert max(looked.values(), default=0) <= 2
    looked.clear()
    TiledTree(size, load).consistency(index + 1, size)
    assert max(looked.values(), default=0) <= 2
    looked.clear()
    TiledTree(size, load).root(size)
    assert max(looked.values()) == 1


@given(st.sampled_from([1, 255, 256, 257, 511, 513, 700, 1025]) | st.integers(1, 1500), st.integers(1, 5), st.data())
def test_trees_of_several_tiles(size: int, steps: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = grown(leaves, steps)
    index = data.draw(st.integers(0, size - 1))
    root = reference_root(leaves)
    assert tree.root(size) == root
    assert tree.inclusion(index, size) == reference_path(index, leaves)
    assert tree.consistency(index + 1, size) == reference_proof(index + 1, leaves)


@given(st.integers(2, 600), st.data())
def test_a_proof_that_was_touched_is_refused(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    tree = grown(leaves)
    root = tree.root(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, proof = leaf_hash(leaves[index]), tree.inclusion(index, size)
    at = data.draw(st.integers(0, len(proof) - 1))
    bad = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
    assert not verify_inclusion(leaf, index, size, bad, root)
    assert not verify_inclusion(leaf, index, size, proof[:-1], root)
    assert not verify_inclusion(leaf, index, size, [*proof, root], root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
    other = data.draw(st.integers(-1, size).filter(lambda number: number != index))
    assert not verify_inclusion(leaf, other, size, proof, root)
    old = data.draw(st.integers(1, size - 1))
    steps = tree.consistency(old, size)
    at = data.draw(st.integers(0, len(steps) - 1))
    bad = [*steps[:at], bytes([steps[at][0] ^ 1]) + steps[at][1:], *steps[at + 1 :]]
    assert not verify_consistency(old, size, bad, tree.root(old), root)
    assert not verify_consistency(old, size, steps[:-1], tree.root(old), root)
    assert not verify_consistency(old, size, [*steps, root], tree.root(old), root)
    assert not verify_consistency(old, size, steps, root, root)
    assert not verify_consistency(size, old, steps, root, tree.root(old))


def test_what_cannot_be_proved_is_an_error() -> None:
    tree = grown(leaves_of(3))
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(ValueError, match="there is no leaf"):
            tree.inclusion(index, size)
    for old, new in ((0, 3), (4, 3), (-1, 3)):
        with pytest.raises(ValueError, match="cannot be shown"):
            tree.consistency(old, new)
    short = TiledTree(300, lambda _level, _number: b"\x00" * 31)
    with pytest.raises(ValueError, match="damaged"):
        short.root(300)
    with pytest.raises(ValueError, match="damaged"):
        short.append([b"\x00" * 32])
