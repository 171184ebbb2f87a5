"""The tree of RFC 9162 section 2.1, against its definition written as plain recursion."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.merkle import (
    EMPTY,
    WIDTH,
    Address,
    Growing,
    NotInTheTree,
    Tiles,
    consistency,
    continues,
    includes,
    inclusion,
    leaf_hash,
    root,
)

SIZES = st.integers(1, 700)


def entries(size: int) -> list[bytes]:
    return [f"entry {number}".encode() for number in range(size)]


def plain_root(leaves: list[bytes]) -> bytes:
    """Return MTH(D[n]) as the RFC defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    sides = plain_root(leaves[:half]) + plain_root(leaves[half:])
    return sha256(b"\x01" + sides).digest()


def held_in(tiles: dict[Address, bytes]) -> Tiles:
    return lambda address: tiles.get(address, b"")


def grown(size: int) -> dict[Address, bytes]:
    tree = Growing(lambda _: b"", 0)
    for entry in entries(size):
        tree.add(leaf_hash(entry))
    return tree.changed


TREE = held_in(grown(2000))
HEADS = {size: plain_root(entries(size)) for size in range(701)}


@given(SIZES)
def test_the_root_of_the_first_leaves_is_that_of_the_definition(size: int) -> None:
    assert root(TREE, size) == HEADS[size]


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert root(TREE, 0) == EMPTY == HEADS[0]


@given(SIZES, st.data())
def test_every_leaf_is_proven_at_its_place_and_at_no_other(size: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    proof, leaf = inclusion(TREE, position, size), leaf_hash(entries(size)[position])
    assert includes(proof, leaf, position, size, HEADS[size])
    assert includes(proof, leaf, other, size, HEADS[size]) == (other == position)
    assert not includes(proof, leaf_hash(b"another"), position, size, HEADS[size])


@given(SIZES, st.data())
def test_a_longer_tree_is_proven_to_begin_with_a_shorter_one(
    size: int, data: st.DataObject
) -> None:
    old = data.draw(st.integers(1, size))
    proof = consistency(TREE, old, size)
    assert continues(proof, old, HEADS[old], size, HEADS[size])
    forged = sha256(b"forged").digest()
    assert not continues(proof, old, forged, size, HEADS[size])
    assert not continues(proof, old, HEADS[old], size, forged)


@given(SIZES, st.data())
def test_a_proof_with_a_changed_hash_proves_nothing(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    proof = consistency(TREE, old, size)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        assert not continues(proof, old, HEADS[old], size, HEADS[size])


def test_leaves_that_change_places_change_the_root() -> None:
    turned = Growing(lambda _: b"", 0)
    for entry in (b"entry 1", b"entry 0", b"entry 2"):
        turned.add(leaf_hash(entry))
    assert root(turned.tile, 3) != HEADS[3]


@pytest.mark.parametrize("cut", [1, 255, 256, 257, 511, 600])
def test_a_tree_goes_on_from_what_was_stored(cut: int) -> None:
    stored = grown(cut)
    tree = Growing(held_in(stored), cut)
    for entry in entries(700)[cut:]:
        tree.add(leaf_hash(entry))
    assert root(tree.tile, 700) == HEADS[700]
    untouched = set(stored) - set(tree.changed)
    assert all((address[1] + 1) * WIDTH <= cut for address in untouched if address[0] == 0)


def test_every_root_differs_from_the_one_before() -> None:
    assert all(one != other for one, other in pairwise(HEADS.values()))


@pytest.mark.parametrize(("position", "size"), [(3, 3), (-1, 3), (0, 0)])
def test_what_is_not_in_the_tree_has_no_proof(position: int, size: int) -> None:
    with pytest.raises(NotInTheTree):
        inclusion(TREE, position, size)
    assert not includes([], EMPTY, position, size, EMPTY)


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3)])
def test_no_tree_begins_with_a_longer_one_or_with_nothing(old: int, size: int) -> None:
    with pytest.raises(NotInTheTree):
        consistency(TREE, old, size)
    assert not continues([], old, EMPTY, size, EMPTY)
