"""Mutants of files: what transfers, disks and people do to bytes, and what an attacker tries.

Shared by all fuzzers. A mutant is a pure function of the file, the other files and the random numbers that are given.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MOST_GROWTH = 1 << 20
"""Bytes by which a mutant may be longer than its file."""
NUMBERS = (
    b"nan", b"NaN", b"inf", b"-inf", b"1e999", b"-1e999", b"1e-400", b"0", b"-0.0", b"-1", b"1_000", b"0x10", b"1e5",
    b"99999999999999999999", b"null", b"None", b"", b"1,5", b"1.5.2", b"--1", b"+1", b"1d5", b".", b"\xd9\xa1",
)  # fmt: skip
"""What stands where a number should be."""
BYTES = (b"\0", b"\xff", b"\n", b"\r", b"\t", b'"', b"'", b"<", b"&", b"|", b",", b"#", b"\\", b"{", b"\x1a", b"\xc3")
"""Single bytes that formats give a meaning to, or none."""

Change = Callable[[bytearray, Sequence[bytes], random.Random], None]


def mutate(content: bytes, others: Sequence[bytes], rng: random.Random) -> tuple[bytes, list[str]]:
    """A mutant, and the names of the changes that made it.

    Parameters
    ----------
    content : bytes
    others : sequence of bytes
        Files of the same kind, to splice parts from.
    rng : random.Random

    >>> mutate(b"0.5,1.5\\n" * 4, [b"x"], random.Random(3)) == mutate(b"0.5,1.5\\n" * 4, [b"x"], random.Random(3))
    True
    """
    mutant = bytearray(content)
    names = []
    for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
        change = rng.choice(CHANGES)
        if mutant and len(mutant) < len(content) + MOST_GROWTH:
            change(mutant, others, rng)
            names.append(change.__name__)
    return bytes(mutant), names


def flip_bits(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Turn single bits over."""
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        mutant[rng.randrange(len(mutant))] ^= 1 << rng.randrange(8)


def flip_bits_near_the_beginning(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Turn bits over where headers are."""
    for _ in range(rng.choice((1, 2, 8))):
        mutant[rng.randrange(min(len(mutant), 4096))] ^= 1 << rng.randrange(8)


def set_bytes(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Write other bytes over some."""
    for _ in range(rng.choice((1, 1, 3, 20))):
        mutant[rng.randrange(len(mutant))] = rng.choice(BYTES)[0]


def insert_bytes(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Push bytes in between."""
    place = rng.randrange(len(mutant) + 1)
    mutant[place:place] = b"".join(rng.choice(BYTES) for _ in range(rng.choice((1, 1, 5, 80, 2880))))


def cut_end(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Lose the end: anywhere, near it, or at a block of 2,880 bytes."""
    place = rng.choice((rng.randrange(len(mutant)), max(len(mutant) - rng.randrange(1, 200), 0),
                        rng.randrange(len(mutant)) // 2880 * 2880))  # fmt: skip
    del mutant[place:]


def drop_region(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Lose a part."""
    begin, end = _region(mutant, rng)
    del mutant[begin:end]


def repeat_region(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have a part twice."""
    begin, end = _region(mutant, rng)
    mutant[end:end] = mutant[begin:end]


def swap_regions(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have two parts of one length in each other's place."""
    begin, end = _region(mutant, rng)
    other = rng.randrange(max(len(mutant) - (end - begin), 1))
    first, second = mutant[begin:end], mutant[other : other + end - begin]
    mutant[begin : begin + len(second)] = second
    mutant[other : other + len(first)] = first


def zero_region(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have nothing where something was, as a disk leaves it after a crash."""
    begin, end = _region(mutant, rng)
    mutant[begin:end] = bytes(end - begin)


def splice(mutant: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Have a part of another file."""
    other = rng.choice(others) if others else b""
    begin, end = _region(bytearray(other), rng) if other else (0, 0)
    place = rng.randrange(len(mutant) + 1)
    mutant[place : place + rng.choice((0, end - begin))] = other[begin:end]


def join(mutant: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    """Go on as another file does, as a resumed transfer of a changed file would."""
    other = rng.choice(others) if others else b""
    place = rng.randrange(len(mutant))
    mutant[place:] = other[min(place, len(other)) :]


def change_number(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have something else where a number stands; often of the same length, for columns of fixed width."""
    place = _digit(mutant, rng)
    if place is None:
        return
    begin, end = place, place
    while begin > 0 and mutant[begin - 1] in b"0123456789.+-eE":
        begin -= 1
    while end < len(mutant) and mutant[end] in b"0123456789.+-eE":
        end += 1
    number = rng.choice(NUMBERS)
    mutant[begin:end] = number.rjust(end - begin)[: end - begin] if rng.random() < 0.6 else number


def change_digit(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have another digit: what no format can see."""
    for _ in range(rng.choice((1, 1, 4))):
        place = _digit(mutant, rng)
        if place is not None:
            mutant[place] = rng.choice(b"0123456789.-")


def drop_line(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Lose lines."""
    lines = mutant.split(b"\n")
    place = rng.randrange(len(lines))
    del lines[place : place + rng.choice((1, 1, 2, 10))]
    mutant[:] = b"\n".join(lines)


def repeat_line(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have a line more than once."""
    lines = mutant.split(b"\n")
    place = rng.randrange(len(lines))
    lines[place:place] = [lines[place]] * rng.choice((1, 1, 3, 50))
    mutant[:] = b"\n".join(lines)


def swap_lines(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have two lines in each other's place."""
    lines = mutant.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    mutant[:] = b"\n".join(lines)


def swap_words(mutant: bytearray, _others: Sequence[bytes], rng: random.Random) -> None:
    """Have a word of the file in another's place: names of columns, units, keywords."""
    words = [word for word in bytes(mutant[:8192]).replace(b"|", b" ").replace(b",", b" ").split() if len(word) < 40]
    if words:
        one, other = rng.choice(words), rng.choice(words)
        place = mutant.find(one)
        mutant[place : place + len(one)] = other.ljust(len(one)) if rng.random() < 0.5 else other


CHANGES: tuple[Change, ...] = (
    flip_bits, flip_bits_near_the_beginning, set_bytes, insert_bytes, cut_end, drop_region, repeat_region,
    swap_regions, zero_region, splice, join, change_number, change_digit, change_digit, drop_line, repeat_line,
    swap_lines, swap_words,
)  # fmt: skip
"""All of them; what nothing but its meaning gives away is tried twice as often."""


def _region(mutant: bytearray, rng: random.Random) -> tuple[int, int]:
    begin = rng.randrange(len(mutant))
    size = rng.choice((1, 8, 80, 1000, 2880, max(len(mutant) // 4, 1)))
    if rng.random() < 0.3:
        begin = begin // 80 * 80  # cards, and lines of one length
    return begin, min(begin + size, len(mutant))


def _digit(mutant: bytearray, rng: random.Random) -> int | None:
    begin = rng.randrange(len(mutant))
    for place in range(begin, min(begin + 4096, len(mutant))):
        if mutant[place] in b"0123456789":
            return place
    return None
