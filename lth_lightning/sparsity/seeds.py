"""Named random streams: every draw is a function of its name and numbers, never of what was drawn before."""

from hashlib import blake2b

import torch


def mix(name: str, *numbers: int) -> int:
    """A well-mixed 63-bit seed from a stream's name and numbers, the same in every process."""
    text = "/".join([name, *map(str, numbers)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(name: str, *numbers: int) -> torch.Generator:
    """A CPU generator for the stream of that name and numbers."""
    return torch.Generator().manual_seed(mix(name, *numbers))
