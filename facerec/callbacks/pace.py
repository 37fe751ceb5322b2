"""How far a training has come, and how long the rest takes at its pace so far."""

import math
import time
from collections.abc import Callable

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Timer


class Pace:
    """Measures a training from its first step here, validations included.

    Args:
        trainer: that trains, at its start.
        clock: time in seconds.

    Attributes:
        epochs: number of epochs of the whole training.
        steps: number of optimizer steps of the whole training.
    """

    def __init__(self, trainer: Trainer, clock: Callable[[], float] = time.perf_counter) -> None:
        self._trainer = trainer
        self._clock = clock
        self._started = clock()
        self._first_step = trainer.global_step
        self.steps = int(trainer.estimated_stepping_batches)
        self.epochs = epochs_of(trainer)

    @property
    def passed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    @property
    def left(self) -> float | None:
        """Seconds to the end, or to ``trainer.max_time``; None before the first step."""
        done = self._trainer.global_step - self._first_step
        if done <= 0:
            return None
        left = self.passed / done * max(self.steps - self._trainer.global_step, 0)
        limits = [timer.time_remaining() for timer in self._trainer.callbacks if isinstance(timer, Timer)]  # type: ignore[attr-defined]
        return max(0.0, min([left, *(limit for limit in limits if limit is not None)]))


def share_done(trainer: Trainer) -> float:
    """Share of the training that is over at the end of this epoch, in epochs or steps; 1 for a training without end."""
    shares = []
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        shares.append((trainer.current_epoch + 1) / trainer.max_epochs)
    if trainer.max_steps > 0:
        shares.append(trainer.global_step / trainer.max_steps)
    return max(shares, default=1.0)


def epochs_of(trainer: Trainer) -> int:
    """Number of epochs until ``max_epochs`` or ``max_steps`` ends the training, the last one perhaps in part."""
    ends = []
    if trainer.max_epochs is not None and trainer.max_epochs > 0:
        ends.append(trainer.max_epochs)
    if trainer.max_steps > 0:
        ends.append(math.ceil(trainer.max_steps * trainer.accumulate_grad_batches / trainer.num_training_batches))
    return min(ends, default=1)


def clock_text(seconds: float) -> str:
    """Hours, minutes and seconds.

    Example:
        >>> clock_text(65), clock_text(7265), clock_text(4 * 86400 + 3 * 3600)
        ('1:05', '2:01:05', '4 d 3:00')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour}:{minute:02d}"
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def about(seconds: float) -> str:
    """A duration in its largest fitting unit.

    Example:
        >>> [about(seconds) for seconds in (139, 32_000, 3_200_000, 7200)]
        ['2 min 19 s', '8 h 53 min', '37 days', '2 h']
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    if hours >= 48:
        return f"{round(hours / 24)} days"
    if hours:
        return f"{hours} h {minute} min" if minute else f"{hours} h"
    return " ".join(f"{count} {unit}" for count, unit in ((minutes, "min"), (second, "s")) if count) or "0 s"
