"""Randomness by address: a number is a function of (seed, epoch, image index, name), never of earlier draws.

So the draws do not depend on the order of the images, on the number of workers or processes, or on the moment at which
a run was interrupted. The mixing function is splitmix64 (Steele, Lea and Flood, OOPSLA 2014), in wrapping int64
arithmetic.
"""

import zlib

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB


def _shift_right(bits: Tensor, count: int) -> Tensor:
    """Logical shift; the shift of int64 would copy its sign."""
    return (bits >> count) & ((1 << (64 - count)) - 1)


def _wrap(number: int) -> int:
    """Reduce a Python integer to a signed 64-bit one."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _mix(bits: Tensor) -> Tensor:
    bits = (bits ^ _shift_right(bits, 30)) * _MIX_1
    bits = (bits ^ _shift_right(bits, 27)) * _MIX_2
    return bits ^ _shift_right(bits, 31)


class Draws:
    """Uniform numbers for a batch of images, addressed by name.

    Args:
        seed: seed of the run.
        epoch: current epoch.
        indices_B: index of each image in its source, int64 (B,). Its device is that of the draws.

    Example:
        >>> import torch
        >>> both = Draws(seed=0, epoch=3, indices_B=torch.tensor([7, 8])).uniform("noise")
        >>> alone = Draws(seed=0, epoch=3, indices_B=torch.tensor([8])).uniform("noise")
        >>> bool(both[1] == alone[0])
        True
    """

    def __init__(self, seed: int, epoch: int, indices_B: Tensor) -> None:
        run = _mix(torch.tensor([_wrap(seed)], dtype=torch.int64, device=indices_B.device) + _GOLDEN)
        self._state_B = _mix(_mix(run + _wrap(epoch * _GOLDEN)) + indices_B.long() * _GOLDEN)

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One number in [low, high) for each image (B,), float32; each ``name`` has its own."""
        stream = zlib.crc32(name.encode())
        bits_B = _shift_right(_mix(self._state_B + _wrap(stream * _GOLDEN)), 40)  # 24 bits: exact in float32
        return low + (high - low) * (bits_B.float() / (1 << 24))

    def uniform_pairs(self, name: str, count: int) -> tuple[Tensor, Tensor]:
        """Two independent numbers in [0, 1) for each of ``count`` places of each image (B, count), float32."""
        start_B = _mix(self._state_B + _wrap(zlib.crc32(name.encode()) * _GOLDEN))
        places = torch.arange(count, device=start_B.device) * _GOLDEN
        bits_BN = _mix(start_B[:, None] + places)
        first, second = _shift_right(bits_BN, 40), (bits_BN >> 16) & ((1 << 24) - 1)
        return first.float().div_(1 << 24), second.float().div_(1 << 24)

    def seeds(self, name: str) -> Tensor:
        """A seed for each image (B,), int64 and not negative, for generators of other libraries."""
        return _shift_right(_mix(self._state_B + _wrap(zlib.crc32(name.encode()) * _GOLDEN)), 1)

    def happens(self, name: str, probability: float) -> Tensor:
        """True for each image with the given probability (B,), bool."""
        return self.uniform(name) < probability
