"""Whether a device computes what this machine's CPU computes, within the rounding of its arithmetic.

The reference of networks and losses is the CPU in float64. The CPU in float32 is compared with it, as every device is,
because it can be wrong too (:mod:`facerec.backbones.narrow`). The reference of augmentations is the CPU in float32.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from facerec.machine import Machine

Arithmetic = Literal["float64", "float32", "TF32", "float16", "bfloat16"]
AUTOCAST: dict[Arithmetic, torch.dtype] = {"float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class Place:
    """Where and how numbers are computed.

    Attributes:
        device: torch's name of it.
        arithmetic: ``float16`` and ``bfloat16`` are those of mixed precision. ``TF32`` is how recent GPUs compute
            convolutions of float32 unless told otherwise; ``float32`` tells them otherwise.
    """

    device: str
    arithmetic: Arithmetic = "float32"

    def __str__(self) -> str:
        return f"{self.device} {self.arithmetic}"

    @property
    def dtype(self) -> torch.dtype:
        """Type of weights and images; mixed precision keeps them in float32."""
        return torch.float64 if self.arithmetic == "float64" else torch.float32

    def autocast(self) -> torch.autocast:
        """Mixed precision for a forward pass, or none."""
        half = AUTOCAST.get(self.arithmetic)
        return torch.autocast(torch.device(self.device).type, dtype=half, enabled=half is not None)


EXACT = Place("cpu", "float64")
CPU = Place("cpu", "float32")
Results = Mapping[str, Sequence[Tensor]]


@dataclass(frozen=True)
class Case:
    """Something that every place must compute alike.

    Attributes:
        name: for the table.
        compute: gives at a place, by the name of the quantity, what must be equal within ``tolerances``.
        tolerances: for each quantity, the largest relative deviation in each arithmetic. In others it is not compared.
        reference: the place that is taken for right.
    """

    name: str
    compute: Callable[[Place], Results]
    tolerances: Mapping[str, Mapping[Arithmetic, float]]
    reference: Place = EXACT


@dataclass(frozen=True)
class Deviation:
    """How far a place is from the reference.

    Attributes:
        what: name of the case and the quantity.
        place: where it was computed.
        value: norm of the difference over the norm of the reference, the largest over the tensors; infinite where
            numbers are missing or not finite.
        tolerance: largest value that rounding explains.
    """

    what: str
    place: Place
    value: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether rounding explains the difference."""
        return self.value <= self.tolerance


def deviations(case: Case, places: Sequence[Place]) -> list[Deviation]:
    """Compute a case at the reference and at each place, and compare.

    Example:
        A device that computes sevens where the reference computes eights:

        >>> import torch
        >>> seven = Case("x", lambda place: {"all": [torch.tensor([8.0 - (place == CPU)])]}, {"all": {"float32": 1e-4}})
        >>> [deviation] = deviations(seven, [CPU])
        >>> deviation.value, deviation.agrees
        (0.125, False)
    """
    reference = case.compute(case.reference)
    found: list[Deviation] = []
    for place in places:
        quantities = {name: t[place.arithmetic] for name, t in case.tolerances.items() if place.arithmetic in t}
        if not quantities or place == case.reference:
            continue
        with tf32(place.arithmetic == "TF32"):
            results = case.compute(place)
        found += [
            Deviation(f"{case.name} {name}".strip(), place, _largest(results[name], reference[name]), tolerance)
            for name, tolerance in quantities.items()
        ]
    return found


def _largest(results: Sequence[Tensor], reference: Sequence[Tensor]) -> float:
    """Largest relative deviation of tensors that belong together."""
    return max(relative_deviation(got, right) for got, right in zip(results, reference, strict=True))


def relative_deviation(got: Tensor, right: Tensor) -> float:
    """Norm of the difference over the norm of ``right``; infinite if anything is not finite."""
    got, right = got.detach().cpu().double(), right.detach().cpu().double()
    if got.shape != right.shape or not (got.isfinite().all() and right.isfinite().all()):
        return float("inf")
    return float((got - right).norm() / right.norm().clamp(min=1e-30))


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Forbid CUDA devices to round the factors of float32 convolutions and products, for a while.

    Args:
        allowed: leave torch's settings as they are: convolutions may be rounded, products not.
    """
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    try:
        if not allowed:
            products.allow_tf32 = convolutions.allow_tf32 = False
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = before


def places_of(machine: Machine) -> list[Place]:
    """Every device of a machine, in each arithmetic that training or measuring may use on it."""
    places = [CPU] + ([Place("cpu", "bfloat16")] if machine.bfloat16 else [])
    for number, gpu in enumerate(machine.gpus):
        arithmetics: list[Arithmetic] = ["float32", "float16"]
        arithmetics += ["TF32", "bfloat16"] if gpu.has_bfloat16 else []  # the same generation brought both
        places += [Place(f"cuda:{number}", arithmetic) for arithmetic in arithmetics]
    return places + ([Place("mps")] if machine.has_mps else [])
