"""The learning rate over a run: a linear warm-up, then a shape. Settings are shares of the run.

A schedule is a function of the step and of the length of the run. Torch's own classes keep the length in their state: a
run that is resumed with more epochs would follow the old length, or stop with an error. Here it follows the new one.
The shapes are torch's, and the tests compare each with torch's own sequence.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from facerec.settings import require_positive, require_within

SETTING = "model.schedule."


class Schedule(ABC):
    """Factor of all learning rates at each optimizer step. YAML names one by ``class_path``.

    Example:
        >>> class Half(Schedule):
        ...     def factor(self, step, total_steps):
        ...         return 1.0 if 2 * step < total_steps else 0.5
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.2)
        >>> scheduler = Half().scheduler(optimizer, total_steps=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> optimizer.param_groups[0]["lr"]
        0.1
    """

    @abstractmethod
    def factor(self, step: int, total_steps: int) -> float:
        """Factor of the learning rate at a step counted from 0."""

    def scheduler(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:
        """A torch scheduler; call its ``step()`` after each step of the optimizer."""
        return LambdaLR(optimizer, lambda step: self.factor(step, total_steps))


class WarmedUp(Schedule):
    """A linear warm-up, then what the subclass says.

    Attributes:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        start_factor: where the warm-up leads to.
    """

    warmup: float
    start_factor = 1.0

    def __post_init__(self) -> None:
        require_within(SETTING, 0.0, 1.0, high_excluded=True, warmup=self.warmup)

    def factor(self, step: int, total_steps: int) -> float:
        """Factor of the learning rate at a step counted from 0."""
        warmup_steps = round(self.warmup * total_steps)
        if step < warmup_steps:
            return (step + 1) / warmup_steps * self.start_factor
        return self.after_warmup(step, warmup_steps, total_steps)

    @abstractmethod
    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """Factor at a step that is none of the warm-up; all three count from the start of the run."""


def share_done(step: int, warmup_steps: int, total_steps: int) -> float:
    """Share of the steps after the warm-up that is done, from 0 to 1; 1 also past the end."""
    return min((step - warmup_steps) / max(total_steps - warmup_steps, 1), 1.0)


@dataclass(frozen=True)
class WarmupCosine(WarmedUp):
    """A linear warm-up, then half a cosine (Loshchilov and Hutter, ICLR 2017, equation 5).

    The default: nothing to tune but the length of the run.

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        final_factor: factor of the learning rate at the last step, in [0, 1].

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> from facerec.optim import WarmupCosine
        >>> schedule = WarmupCosine(warmup=0.2, final_factor=0.1)
        >>> [round(schedule.factor(step, total_steps=10), 2) for step in (0, 1, 2, 6, 10)]
        [0.5, 1.0, 1.0, 0.55, 0.1]
    """

    warmup: float = 0.05
    final_factor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within(SETTING, 0.0, 1.0, final_factor=self.final_factor)

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """Half a cosine."""
        progress = share_done(step, warmup_steps, total_steps)
        return self.final_factor + (1.0 - self.final_factor) * 0.5 * (1.0 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class Constant(WarmedUp):
    """A linear warm-up, then always the same learning rate: to compare, or for weights that are averaged.

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> [Constant(warmup=0.2).factor(step, total_steps=10) for step in (0, 1, 9)]
        [0.5, 1.0, 1.0]
    """

    warmup: float = 0.05

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """One."""
        return 1.0


@dataclass(frozen=True)
class StepDecay(WarmedUp):
    """A linear warm-up, then a drop after each equal part of the run (torch's ``StepLR``).

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        every: share of the run from one drop to the next, in (0, 1]; the first part includes the warm-up.
        gamma: factor of a drop, in (0, 1].

    Raises:
        ValueError: for a value outside its range, or a drop within the warm-up.

    Example:
        >>> schedule = StepDecay(warmup=0.0, every=0.3, gamma=0.5)
        >>> [schedule.factor(step, total_steps=10) for step in range(10)]
        [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]
    """

    warmup: float = 0.05
    every: float = 0.3
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within(SETTING, 0.0, 1.0, low_excluded=True, every=self.every, gamma=self.gamma)
        _require_after_warmup("every", self.every, self.warmup)

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """The factor of all drops so far."""
        return self.gamma ** int((step + 0.5) / (self.every * total_steps))  # each drop at the nearest step


@dataclass(frozen=True)
class MultiStepDecay(WarmedUp):
    """A linear warm-up, then a drop at each of some places (torch's ``MultiStepLR``).

    Many published networks are trained so, such as those of He et al. (CVPR 2016, section 4.2: the default) and of
    ArcFace (Deng et al., CVPR 2019, section 3.1). To repeat one, divide its epochs by the length of its training.

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        milestones: places of the drops as shares of the run, rising, each in (0, 1).
        gamma: factor of a drop, in (0, 1].

    Raises:
        ValueError: for a value outside its range, milestones that do not rise, or a drop within the warm-up.

    Example:
        >>> schedule = MultiStepDecay(warmup=0.0, milestones=(0.5, 0.8))
        >>> [round(schedule.factor(step, total_steps=10), 2) for step in (4, 5, 7, 8)]
        [1.0, 0.1, 0.1, 0.01]
    """

    warmup: float = 0.05
    milestones: tuple[float, ...] = (0.5, 0.75)
    gamma: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within(SETTING, 0.0, 1.0, low_excluded=True, gamma=self.gamma)
        rises = all(low < high for low, high in zip(self.milestones, self.milestones[1:], strict=False))
        if not self.milestones or not rises or not 0.0 < self.milestones[0] <= self.milestones[-1] < 1.0:
            raise ValueError(
                f"{SETTING}milestones={list(self.milestones)}: give rising shares of the run in (0, 1), such as "
                "[0.5, 0.75]"
            )
        _require_after_warmup("milestones", self.milestones[0], self.warmup)

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """The factor of the drops so far."""
        return self.gamma ** sum(share * total_steps <= step + 0.5 for share in self.milestones)


@dataclass(frozen=True)
class PolynomialDecay(WarmedUp):
    """A linear warm-up, then ``(1 - share done) ** power`` (torch's ``PolynomialLR``).

    A power of 1 is a straight line, as in the trainings of insightface. Large batches were trained with a power of 2
    (LARS, You et al. 2017, arXiv:1708.03888).

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        power: exponent, above 0.
        final_factor: factor of the learning rate at the last step, in [0, 1].

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> schedule = PolynomialDecay(warmup=0.0, power=2.0)
        >>> [schedule.factor(step, total_steps=4) for step in range(5)]
        [1.0, 0.5625, 0.25, 0.0625, 0.0]
    """

    warmup: float = 0.05
    power: float = 1.0
    final_factor: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_positive(SETTING, power=self.power)
        require_within(SETTING, 0.0, 1.0, final_factor=self.final_factor)

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """The power of the share that is left."""
        left = 1.0 - share_done(step, warmup_steps, total_steps)
        return float(self.final_factor + (1.0 - self.final_factor) * left**self.power)


@dataclass(frozen=True)
class ExponentialDecay(WarmedUp):
    """A linear warm-up, then the same share less at each step (torch's ``ExponentialLR``).

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        end_factor: factor of the learning rate at the last step, in (0, 1].

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> schedule = ExponentialDecay(warmup=0.0, end_factor=0.01)
        >>> [round(schedule.factor(step, total_steps=10), 3) for step in (0, 5, 10)]
        [1.0, 0.1, 0.01]
    """

    warmup: float = 0.05
    end_factor: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within(SETTING, 0.0, 1.0, low_excluded=True, end_factor=self.end_factor)

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """The power whose exponent is the share that is done."""
        return float(self.end_factor ** share_done(step, warmup_steps, total_steps))


def _require_after_warmup(name: str, place: float, warmup: float) -> None:
    """Refuse a drop that would come before the learning rate has risen."""
    if place < warmup:
        raise ValueError(
            f"{SETTING}{name}: the first drop, at {place} of the run, is within the warm-up. Put it later, or set "
            f"{SETTING}warmup={warmup} below it"
        )
