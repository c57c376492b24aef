"""Damage to a ledger's file, made by a seed: what disks, copies and other programs do."""

import random

PAGE = 8192  # bytes


def flipped(content, rng):
    """Change one bit; or some, near each other."""
    start = rng.randrange(len(content))
    for _ in range(rng.choice([1, 1, 1, 8])):
        place = min(start + rng.randrange(64), len(content) - 1)
        content[place] ^= 1 << rng.randrange(8)


def truncated(content, rng):
    """Lose the end: anywhere, or at a page."""
    end = rng.randrange(len(content))
    del content[end if rng.random() < 0.5 else end // PAGE * PAGE :]


def swapped(content, rng):
    """Exchange two pages."""
    one, other = (page * PAGE for page in rng.sample(range(len(content) // PAGE), 2))
    page = content[one : one + PAGE]
    content[one : one + PAGE] = content[other : other + PAGE]
    content[other : other + PAGE] = page


def blank(content, rng):
    """Lose a page, or a sector: it reads as zeros."""
    size = rng.choice([512, PAGE])
    start = rng.randrange(len(content) // size) * size
    content[start : start + size] = bytes(size)


def overwritten(content, rng):
    """Put noise in place of some bytes."""
    start = rng.randrange(len(content))
    noise = rng.randbytes(rng.choice([1, 4, 100]))
    content[start : start + len(noise)] = noise[: len(content) - start]


KINDS = (flipped, flipped, truncated, swapped, blank, overwritten)


def damaged(content, seed):
    """Return the content of a file after the damage of a seed."""
    rng = random.Random(seed)
    after = bytearray(content)
    rng.choice(KINDS)(after, rng)
    return bytes(after)
