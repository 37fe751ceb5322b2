"""Learning rates that rise and fall in cycles, and the momentum that may go against them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from facerec.optim.schedules import SETTING, Schedule, WarmedUp, share_done
from facerec.settings import require_choice, require_positive, require_within


@dataclass(frozen=True)
class Cyclic(WarmedUp):
    """Triangles between a low learning rate and the full one (Smith, WACV 2017, section 3; torch's ``CyclicLR``).

    Each cycle starts low, so that it needs no warm-up.

    Args:
        warmup: share of the steps in which the learning rate rises from near 0 to the low one, in [0, 1).
        cycles: number of triangles after the warm-up.
        low_factor: factor of the low learning rate, in [0, 1). The paper takes a third or a quarter.
        halved: make each triangle half as high as the one before (``triangular2`` of the paper).

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> schedule = Cyclic(cycles=2, low_factor=0.2)
        >>> [round(schedule.factor(step, total_steps=8), 2) for step in range(9)]
        [0.2, 0.6, 1.0, 0.6, 0.2, 0.4, 0.6, 0.4, 0.2]
    """

    warmup: float = 0.0
    cycles: int = 4
    low_factor: float = 0.25
    halved: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(SETTING, cycles=self.cycles)
        require_within(SETTING, 0.0, 1.0, high_excluded=True, low_factor=self.low_factor)

    @property
    def start_factor(self) -> float:  # type: ignore[override]
        """Where the warm-up leads to: the first cycle starts low."""
        return self.low_factor

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """Height of the triangle above the low factor."""
        cycle, share = divmod(share_done(step, warmup_steps, total_steps) * self.cycles, 1.0)
        height = 1.0 - abs(2.0 * share - 1.0)
        if self.halved:
            height /= 2.0**cycle
        return self.low_factor + (1.0 - self.low_factor) * height


@dataclass(frozen=True)
class OneCycle(Schedule):
    """One rise and one long fall, and the momentum against it (Smith and Topin 2017, arXiv:1708.07120, section 3).

    The lengths and shapes are those of torch's ``OneCycleLR``. The rise is the warm-up.

    Args:
        peak_at: share of the run at which the learning rate is highest, in [0, 1).
        first_factor: factor of the learning rate at the first step, in [0, 1].
        last_factor: factor of the learning rate at the last step, in [0, 1].
        shape: ``cosine`` or ``linear``, of the rise and of the fall.
        momentum: (at the highest learning rate, at both ends), each in [0, 1). It takes the place of the optimizer's
            momentum, or of the first of its betas. None leaves the optimizer's own.

    Raises:
        ValueError: for a value outside its range, or an optimizer without momentum.

    Example:
        >>> schedule = OneCycle(peak_at=0.3, first_factor=0.1, last_factor=0.0, shape="linear")
        >>> [round(schedule.factor(step, total_steps=11), 2) for step in (0, 2, 3, 10)]
        [0.1, 0.88, 0.91, 0.0]
    """

    peak_at: float = 0.3
    first_factor: float = 0.04
    last_factor: float = 4e-6
    shape: Literal["cosine", "linear"] = "cosine"
    momentum: tuple[float, float] | None = (0.85, 0.95)

    def __post_init__(self) -> None:
        require_within(SETTING, 0.0, 1.0, high_excluded=True, peak_at=self.peak_at)
        require_within(SETTING, 0.0, 1.0, first_factor=self.first_factor, last_factor=self.last_factor)
        require_choice(SETTING, ("cosine", "linear"), shape=self.shape)
        if self.momentum is not None and not (len(self.momentum) == 2 and all(0.0 <= m < 1.0 for m in self.momentum)):
            raise ValueError(f"{SETTING}momentum={self.momentum}: give two numbers in [0, 1), or null to leave it")

    def factor(self, step: int, total_steps: int) -> float:
        """Factor of the learning rate at a step counted from 0."""
        return self._between(self.first_factor, 1.0, self.last_factor, step, total_steps)

    def scheduler(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:
        """A torch scheduler; call its ``step()`` after each step of the optimizer.

        Raises:
            ValueError: if the optimizer has no momentum, and one is to be cycled.
        """
        if self.momentum is None:
            return super().scheduler(optimizer, total_steps)
        lowest, highest = self.momentum
        return CycledMomentum(
            optimizer,
            lambda step: self.factor(step, total_steps),
            lambda step: self._between(highest, lowest, highest, step, total_steps),
        )

    def _between(self, start: float, peak: float, end: float, step: int, total_steps: int) -> float:
        """A value that goes from ``start`` to ``peak`` at ``peak_at``, then to ``end`` at the last step."""
        top, last = self.peak_at * total_steps - 1.0, total_steps - 1.0
        if step <= top:
            return self._anneal(start, peak, step / top if top else 1.0)
        begun = top if top > 0.0 else 0.0
        return self._anneal(peak, end, min((step - begun) / (last - begun), 1.0) if last > begun else 1.0)

    def _anneal(self, start: float, end: float, share: float) -> float:
        if self.shape == "linear":
            return start + (end - start) * share
        return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * share))


class CycledMomentum(LambdaLR):
    """LambdaLR that also sets the momentum: ``momentum`` as in SGD, the first of the ``betas`` as in Adam.

    Args:
        optimizer: whose groups all have a momentum.
        factor: factor of the learning rate at a step.
        momentum: momentum at a step.

    Raises:
        ValueError: if the optimizer has no momentum.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1, momentum=0.9)
        >>> scheduler = CycledMomentum(optimizer, lambda step: 1.0, lambda step: 0.5)
        >>> optimizer.param_groups[0]["momentum"]
        0.5
    """

    def __init__(self, optimizer: Optimizer, factor: Callable[[int], float], momentum: Callable[[int], float]) -> None:
        if not all("momentum" in group or "betas" in group for group in optimizer.param_groups):
            raise ValueError(f"{SETTING}momentum: {type(optimizer).__name__} has no momentum to cycle. Set it to null")
        self._momentum_at = momentum
        super().__init__(optimizer, factor)

    def get_lr(self) -> Any:
        """The learning rates of a step, once its momentum is set."""
        momentum = self._momentum_at(self.last_epoch)
        for group in self.optimizer.param_groups:
            if "momentum" in group:
                group["momentum"] = momentum
            if "betas" in group:
                group["betas"] = (momentum, *group["betas"][1:])
        return super().get_lr()

    def state_dict(self) -> dict[str, Any]:
        """LambdaLR's, without the function."""
        return {name: value for name, value in super().state_dict().items() if name != "_momentum_at"}
