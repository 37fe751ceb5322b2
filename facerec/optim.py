"""Parameter groups and the schedule of the learning rate."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from facerec.settings import require_within

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)
LOSS_GROUP = "loss"


def parameter_groups(backbone: nn.Module, loss: nn.Module) -> list[dict[str, Any]]:
    """Named groups for an optimizer: weights, parameters without decay, and the loss's own parameters.

    Biases and the gains of normalisation layers do not decay (He et al., CVPR 2019, "Bag of tricks", section 3.1).
    """
    decayed: list[nn.Parameter] = []
    undecayed: list[nn.Parameter] = []
    for module in backbone.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_bias_or_gain = name == "bias" or isinstance(module, NORMS) or parameter.ndim <= 1
            (undecayed if is_bias_or_gain else decayed).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": _trainable(decayed), "name": "backbone"},
        {"params": _trainable(undecayed), "name": "backbone_no_decay", "weight_decay": 0.0},
        {"params": _trainable(loss.parameters()), "name": LOSS_GROUP},
    ]
    return [group for group in groups if group["params"]]


def _trainable(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.requires_grad]


def scale_loss_lr(optimizer: Optimizer, factor: float) -> None:
    """Multiply the learning rate of the loss's own parameters."""
    for group in optimizer.param_groups:
        if group.get("name") == LOSS_GROUP:
            group["lr"] *= factor


@dataclass(frozen=True)
class WarmupCosine:
    """Learning-rate factor: a linear warm-up, then half a cosine (Loshchilov and Hutter, ICLR 2017, equation 5).

    Its settings are shares of the run, so they fit any number of steps.

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
        require_within("model.schedule.", 0.0, 1.0, high_excluded=True, warmup=self.warmup)
        require_within("model.schedule.", 0.0, 1.0, final_factor=self.final_factor)

    def factor(self, step: int, total_steps: int) -> float:
        """Factor of the learning rate at a step counted from 0."""
        warmup_steps = round(self.warmup * total_steps)
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min((step - warmup_steps) / max(total_steps - warmup_steps, 1), 1.0)
        return self.final_factor + (1.0 - self.final_factor) * 0.5 * (1.0 + math.cos(math.pi * progress))

    def scheduler(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:
        """A torch scheduler; call its ``step()`` after each step of the optimizer."""
        return LambdaLR(optimizer, lambda step: self.factor(step, total_steps))
