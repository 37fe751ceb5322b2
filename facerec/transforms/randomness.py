"""Randomness by address: a number is a function of (seed, epoch, image index, name), never of earlier draws.

So the draws do not depend on the order of the images, on the number of workers or processes, or on the moment at which
a run was interrupted. The mixing function is splitmix64 (Steele, Lea and Flood, OOPSLA 2014), in wrapping int64
arithmetic.

A batch draws all its numbers on the CPU, in one hash, and sends them to the device of its images in one copy: the
device would need twenty launches for each number.

Shapes: B batch, K names.
"""

import copy
import zlib
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB

Numbers = dict[str, Tensor]  # what a batch has drawn, by name; one number or several for each image


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


def _stream(name: str) -> int:
    """What a name adds to the state of an image."""
    return _wrap(zlib.crc32(name.encode()) * _GOLDEN)


@lru_cache(maxsize=64)  # a training draws under few lists of names
def _streams(names: tuple[str, ...]) -> Tensor:
    return torch.tensor([_stream(name) for name in names], dtype=torch.int64)[:, None]


class Draws:
    """Uniform numbers for a batch of images, addressed by name, on the CPU.

    Args:
        seed: seed of the run.
        epoch: current epoch.
        indices_B: index of each image in its source, int64 (B,), on the CPU. To fetch them from another device waits
            for it.
        names: what will be drawn, hashed at once. Another name is hashed when it is drawn, and gives the same numbers.

    Example:
        >>> import torch
        >>> both = Draws(seed=0, epoch=3, indices_B=torch.tensor([7, 8]), names=("noise", "blur")).uniform("noise")
        >>> alone = Draws(seed=0, epoch=3, indices_B=torch.tensor([8])).uniform("noise")
        >>> bool(both[1] == alone[0])
        True
    """

    def __init__(self, seed: int, epoch: int, indices_B: Tensor, names: tuple[str, ...] = ()) -> None:
        run = _mix(torch.tensor([_wrap(seed)], dtype=torch.int64) + _GOLDEN)
        self._state_B = _mix(_mix(run + _wrap(epoch * _GOLDEN)) + indices_B.cpu().long() * _GOLDEN)
        self._rows = {name: row for row, name in enumerate(names)}
        self._uniform_KB = self._hashed(_streams(names))

    def __getitem__(self, images: slice) -> "Draws":
        """The draws of some images."""
        some = copy.copy(self)
        some._state_B, some._uniform_KB = self._state_B[images], self._uniform_KB[:, images]
        return some

    def __len__(self) -> int:
        return len(self._state_B)

    def _hashed(self, streams: Tensor | int) -> Tensor:
        """A number in [0, 1) for each image, of each stream."""
        bits = _shift_right(_mix(self._state_B + streams), 40)  # 24 bits: exact in float32
        return bits.float() / (1 << 24)

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """One number in [low, high) for each image (B,), float32; each ``name`` has its own."""
        row = self._rows.get(name)
        unit_B = self._hashed(_stream(name)) if row is None else self._uniform_KB[row]
        return low + (high - low) * unit_B

    def starts(self, name: str) -> Tensor:
        """Where the numbers of :func:`uniform_pairs` start, for each image (B,), int64."""
        return _mix(self._state_B + _stream(name))

    def seeds(self, name: str) -> Tensor:
        """A seed for each image (B,), int64 and not negative, for generators of other libraries."""
        return _shift_right(self.starts(name), 1)

    def happens(self, name: str, probability: float) -> Tensor:
        """True for each image with the given probability (B,), bool."""
        return self.uniform(name) < probability


def uniform_pairs(starts_B: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Two independent numbers in [0, 1) for each of ``count`` places of each image (B, count), float32.

    Args:
        starts_B: of :meth:`Draws.starts`. The numbers are made on its device: they are as many as the pixels.
        count: number of places.
    """
    places = torch.arange(count, device=starts_B.device) * _GOLDEN
    bits_BN = _mix(starts_B[:, None] + places)
    first, second = _shift_right(bits_BN, 40), (bits_BN >> 16) & ((1 << 24) - 1)
    return first.float().div_(1 << 24), second.float().div_(1 << 24)


def sent(numbers: Mapping[str, Tensor], device: torch.device) -> Numbers:
    """Numbers on another device, in one copy that nothing waits for.

    Args:
        numbers: on the CPU, of any types.
        device: of the images.
    """
    if device.type == "cpu" or not numbers:
        return dict(numbers)
    packed = pack(numbers)
    if device.type == "cuda":  # a copy from other memory waits
        packed = packed.pin_memory()
    return unpack(packed.to(device, non_blocking=device.type != "mps"), numbers)  # Lightning has found a race there


def pack(numbers: Mapping[str, Tensor]) -> Tensor:
    """The bytes of all numbers, one after another; the larger types first, so that each begins where it may."""
    flat = [numbers[name].contiguous().flatten() for name in _larger_first(numbers)]
    return torch.cat([part.view(torch.uint8) for part in flat])


def unpack(packed: Tensor, numbers: Mapping[str, Tensor]) -> Numbers:
    """Numbers from their bytes, on the device of these, without launches.

    Args:
        packed: of :func:`pack`.
        numbers: what was packed, for names, types and shapes.
    """
    names = _larger_first(numbers)
    parts = torch.split(packed, [numbers[name].nbytes for name in names])
    return {
        name: part.view(numbers[name].dtype).view(numbers[name].shape) for name, part in zip(names, parts, strict=True)
    }


def _larger_first(numbers: Mapping[str, Tensor]) -> list[str]:
    return sorted(numbers, key=lambda name: -numbers[name].element_size())
