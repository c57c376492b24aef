"""Damage to the file of a ledger, as by disks, copies and other programs, chosen by a seed."""

import random

PAGE = 8192  # bytes


def flip_bits(content, rng):
    """Flip one bit, or several close to each other."""
    start = rng.randrange(len(content))
    for _ in range(rng.choice([1, 1, 1, 8])):
        place = min(start + rng.randrange(64), len(content) - 1)
        content[place] ^= 1 << rng.randrange(8)


def truncate(content, rng):
    """Remove the end, at any byte or at a page."""
    end = rng.randrange(len(content))
    del content[end if rng.random() < 0.5 else end // PAGE * PAGE :]


def swap_pages(content, rng):
    """Swap two pages."""
    one, other = (page * PAGE for page in rng.sample(range(len(content) // PAGE), 2))
    page = content[one : one + PAGE]
    content[one : one + PAGE] = content[other : other + PAGE]
    content[other : other + PAGE] = page


def blank_out(content, rng):
    """Replace a page or a sector by zeros."""
    size = rng.choice([512, PAGE])
    start = rng.randrange(len(content) // size) * size
    content[start : start + size] = bytes(size)


def overwrite(content, rng):
    """Replace some bytes by noise."""
    start = rng.randrange(len(content))
    noise = rng.randbytes(rng.choice([1, 4, 100]))
    content[start : start + len(noise)] = noise[: len(content) - start]


KINDS = (flip_bits, flip_bits, truncate, swap_pages, blank_out, overwrite)


def damaged(content, seed):
    """Return the content of a file with the damage of a seed."""
    rng = random.Random(seed)
    after = bytearray(content)
    rng.choice(KINDS)(after, rng)
    return bytes(after)
