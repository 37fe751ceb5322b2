"""A learning rate that drops when validation no longer improves."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from facerec.optim.schedules import SETTING, WarmedUp
from facerec.settings import require_choice, require_within

EER, DEV_ACCURACY = "val/eer", "val/accuracy"
HIGHER_IS_BETTER = ("accuracy", "accuracy_nearest_mean", "auc")
STATE = "plateau"


@dataclass(frozen=True)
class Plateau(WarmedUp):
    """A linear warm-up, then a drop when validation no longer improves (He et al., CVPR 2016, section 3.4).

    When to drop is up to torch's ``ReduceLROnPlateau``.
    The warm-up counts optimizer steps, and ``patience`` counts validations. Every validation counts, within an epoch
    (``trainer.val_check_interval``) or after some (``trainer.check_val_every_n_epoch``).

    The validation pairs then choose the learning rate as well as the checkpoint: trust the test pairs.

    Args:
        warmup: share of the steps in which the learning rate rises from near 0, in [0, 1).
        gamma: factor of a drop, in (0, 1).
        patience: number of validations without an improvement that are waited through. The next one brings the drop.
        threshold: smallest improvement that counts, as a share of the best value.
        cooldown: number of validations after a drop that count for nothing.
        final_factor: lowest factor of the learning rate, in [0, 1).
        monitor: logged name; ``val/eer`` needs validation pairs, ``val/accuracy`` needs dev images. Both are of the raw
            weights. Where ``average`` averages them, there are ``val_ema/eer`` and the like, too.
        mode: ``min`` if lower is better, ``max`` if higher is better. None takes ``max`` for accuracies and AUC.

    Raises:
        ValueError: for a value outside its range.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        >>> scheduler = Plateau(warmup=0.0, gamma=0.5, patience=1).scheduler(optimizer, total_steps=100)
        >>> for rate in (0.20, 0.20, 0.21):
        ...     scheduler.measured({"val/eer": torch.tensor(rate)})
        >>> optimizer.param_groups[0]["lr"]
        0.05
    """

    warmup: float = 0.05
    gamma: float = 0.1
    patience: int = 3
    threshold: float = 1e-4
    cooldown: int = 0
    final_factor: float = 0.0
    monitor: str = EER
    mode: Literal["min", "max"] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_within(SETTING, 0.0, 1.0, low_excluded=True, high_excluded=True, gamma=self.gamma)
        require_within(SETTING, 0.0, 1.0, high_excluded=True, threshold=self.threshold, final_factor=self.final_factor)
        require_within(SETTING, 0, math.inf, patience=self.patience, cooldown=self.cooldown)
        require_choice(SETTING, ("min", "max", None), mode=self.mode)

    def after_warmup(self, step: int, warmup_steps: int, total_steps: int) -> float:
        """One: the drops are those of the scheduler."""
        return 1.0

    def scheduler(self, optimizer: Optimizer, total_steps: int) -> "PlateauScheduler":
        """A torch scheduler. Call ``step()`` after each optimizer step and ``measured()`` after each validation."""
        return PlateauScheduler(self, optimizer, total_steps)

    def require_measured(self, *, has_pairs: bool, has_dev: bool, validates: bool) -> None:
        """Refuse a training that never measures what the schedule follows.

        Args:
            has_pairs: whether there are validation pairs.
            has_dev: whether there are dev images.
            validates: whether the trainer validates at all.

        Raises:
            ValueError: naming the way out.
        """
        start = f"{SETTING}monitor={self.monitor}: Plateau drops the learning rate by it, and"
        other = "choose another schedule, such as WarmupCosine"
        if not validates:
            raise ValueError(f"{start} trainer.limit_val_batches=0 validates nothing: take that out, or {other}")
        if self.monitor == EER and not has_pairs:
            dev = f"set {SETTING}monitor to {DEV_ACCURACY}, or " if has_dev else ""
            raise ValueError(f"{start} there are no validation pairs. Give data.val_pairs, or {dev}{other}")
        if not has_pairs and not has_dev:
            raise ValueError(
                f"{start} there are neither validation pairs nor dev images. Give data.val_pairs or data.dev, or "
                f"{other}"
            )

    @property
    def best_is(self) -> Literal["min", "max"]:
        """Which value is the best."""
        if self.mode is not None:
            return self.mode
        return "max" if self.monitor.rpartition("/")[2] in HIGHER_IS_BETTER else "min"


class PlateauScheduler(LambdaLR):
    """The warm-up step by step, times what torch's ``ReduceLROnPlateau`` makes of the validations.

    Args:
        schedule: the settings.
        optimizer: whose learning rates follow it.
        total_steps: length of the run in optimizer steps.

    Attributes:
        drops: factor of all drops so far.

    Example:
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        >>> PlateauScheduler(Plateau(patience=0), optimizer, total_steps=100).drops
        1.0
    """

    def __init__(self, schedule: Plateau, optimizer: Optimizer, total_steps: int) -> None:
        self._monitor = schedule.monitor
        self._rate = SGD([torch.zeros(1)], lr=1.0)  # torch lowers its learning rate: the factor of all drops
        self._plateau = ReduceLROnPlateau(
            self._rate,
            schedule.best_is,
            schedule.gamma,
            schedule.patience,
            schedule.threshold,
            cooldown=schedule.cooldown,
            min_lr=schedule.final_factor,
        )
        super().__init__(optimizer, lambda step: schedule.factor(step, total_steps) * self.drops)

    @property
    def drops(self) -> float:
        """Factor of all drops so far."""
        return float(self._rate.param_groups[0]["lr"])

    def measured(self, metrics: Mapping[str, Tensor]) -> None:
        """Take note of a validation, and drop the learning rates if it is time.

        Args:
            metrics: what the validation logged, by name.

        Raises:
            ValueError: if the metric to follow is not among them, naming those that are.
        """
        if self._monitor not in metrics:
            names = ", ".join(sorted(name for name in metrics if name.startswith("val"))) or "nothing"
            raise ValueError(f"{SETTING}monitor={self._monitor}: the validation gives {names}. Name one of them")
        self._plateau.step(float(metrics[self._monitor]))
        for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas, strict=True):
            group["lr"] = base * factor(self.last_epoch)
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """LambdaLR's, and that of the plateau, as plain values."""
        state = {name: value for name, value in super().state_dict().items() if name not in _OWN}
        return {**state, STATE: {"drops": self.drops, **self._plateau.state_dict()}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the plateau, then as LambdaLR."""
        plateau = dict(state_dict[STATE])
        self._rate.param_groups[0]["lr"] = plateau.pop("drops")
        self._plateau.load_state_dict(plateau)
        super().load_state_dict({name: value for name, value in state_dict.items() if name != STATE})


_OWN = ("_monitor", "_rate", "_plateau")
