"""A Merkle tree over the entries of the access log: RFC 9162 section 2.1, hashed with SHA-256.

Leaves are kept in *tiles*: up to 256 hashes of one level side by side, so that a log of a million
entries is four thousand small documents, and a proof reads a handful of them. The tile of level 1
holds the roots of 256 full tiles of level 0, and so on up.

Positions count from 0; a hash is 32 bytes; a proof is a list of hashes, in the order of the RFC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

HASH: Final = 32
HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""Hashes in a full tile."""

Address = tuple[int, int]
"""Level and position of a tile."""
Tiles = Callable[[Address], bytes]
"""Returns the hashes of a tile, one after another; those of a tile that is not there are none."""


class NotInTheTree(LookupError):
    """A position or a size is asked for that the tree does not have."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf that stands for `entry`."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of what stands above two others."""
    return sha256(b"\x01" + left + right).digest()


EMPTY: Final = sha256(b"").digest()
"""The root of a tree without leaves."""


def root(tiles: Tiles, size: int) -> bytes:
    """Return the root of the tree of the first `size` leaves."""
    return _range(tiles, 0, size) if size else EMPTY


def inclusion(tiles: Tiles, position: int, size: int) -> list[bytes]:
    """Return what proves that the leaf at `position` is in the tree of the first `size`."""
    if not 0 <= position < size:
        raise NotInTheTree(position)
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if position < middle:
            proof.append(_range(tiles, middle, high))
            high = middle
        else:
            proof.append(_range(tiles, low, middle))
            low = middle
    return proof[::-1]


def consistency(tiles: Tiles, old: int, size: int) -> list[bytes]:
    """Return what proves that the tree of the first `size` begins with that of the first `old`."""
    if not 0 < old <= size:
        raise NotInTheTree(old)
    proof: list[bytes] = []
    low, high, is_whole = 0, size, True
    while old < high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range(tiles, middle, high))
            high = middle
        else:
            proof.append(_range(tiles, low, middle))
            low, is_whole = middle, False
    # What both trees begin with is known to who asks; another part of the old one is not.
    return [*([] if is_whole else [_range(tiles, low, high)]), *proof[::-1]]


def includes(proof: Sequence[bytes], leaf: bytes, position: int, size: int, head: bytes) -> bool:
    """Tell whether `proof` shows `leaf` at `position` of the tree of `size` whose root is `head`."""
    if not 0 <= position < size:
        return False
    number, last, found = position, size - 1, leaf
    for one in proof:
        if last == 0:
            return False
        if number & 1 or number == last:
            found = node_hash(one, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node_hash(found, one)
        number, last = number >> 1, last >> 1
    return last == 0 and found == head


def continues(proof: Sequence[bytes], old: int, old_head: bytes, size: int, head: bytes) -> bool:
    """Tell whether `proof` shows that the tree under `head` begins with that under `old_head`."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_head == head
    steps = [old_head, *proof] if old & (old - 1) == 0 else list(proof)
    if not steps:
        return False
    number, last = old - 1, size - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    before = after = steps[0]
    for one in steps[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            before, after = node_hash(one, before), node_hash(one, after)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            after = node_hash(after, one)
        number, last = number >> 1, last >> 1
    return last == 0 and before == old_head and after == head


@dataclass
class Growing:
    """Tiles to which leaves are added; `changed` are those that are to be stored.

    `read` returns the stored hashes of a tile. `size` counts leaves.
    """

    read: Tiles
    size: int
    changed: dict[Address, bytes] = field(default_factory=dict)

    def add(self, leaf: bytes) -> None:
        """Add one leaf behind the others."""
        level, position, hashed = 0, self.size, leaf
        while True:
            address = (level, position >> HEIGHT)
            held = self.tile(address)[: (position % WIDTH) * HASH] + hashed
            self.changed[address] = held
            if len(held) < WIDTH * HASH:
                break
            level, position, hashed = level + 1, position >> HEIGHT, _fold(held)
        self.size += 1

    def tile(self, address: Address) -> bytes:
        """Return the hashes of a tile, added ones included."""
        found = self.changed.get(address)
        return self.read(address) if found is None else found


def _range(tiles: Tiles, low: int, high: int) -> bytes:
    """Return the root of the leaves from `low` to before `high`; `low` is a multiple of its half."""
    width = high - low
    if width & (width - 1) == 0:
        return _perfect(tiles, width.bit_length() - 1, low)
    middle = low + _split(width)
    return node_hash(_range(tiles, low, middle), _range(tiles, middle, high))


def _perfect(tiles: Tiles, level: int, low: int) -> bytes:
    """Return the root of `2 ** level` leaves from `low`, a multiple of their number."""
    row, inside = divmod(level, HEIGHT)
    first = low >> (row * HEIGHT)
    held = tiles((row, first >> HEIGHT))
    start = (first % WIDTH) * HASH
    part = held[start : start + (HASH << inside)]
    if len(part) != HASH << inside:
        raise NotInTheTree(low)
    return _fold(part)


def _fold(hashes: bytes) -> bytes:
    """Return the root over `hashes`, a power of two of them."""
    row = [hashes[at : at + HASH] for at in range(0, len(hashes), HASH)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)
