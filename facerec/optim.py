"""Parameter groups and the learning-rate schedule; nothing else knows about steps."""

import math
from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def parameter_groups(backbone: nn.Module, loss: nn.Module, lr: float, loss_lr_factor: float) -> list[dict[str, Any]]:
    """Groups for an optimizer: weights, those that must not decay, and the loss's own.

    Biases and the gains of normalisation layers are not decayed (He et al., CVPR 2019, "Bag of tricks", section 3.1).

    Args:
        backbone: its parameters take ``lr``.
        loss: its parameters take ``lr * loss_lr_factor``.
        lr: learning rate of the optimizer.
        loss_lr_factor: factor for the parameters of the loss.
    """
    decayed: list[nn.Parameter] = []
    undecayed: list[nn.Parameter] = []
    for module in backbone.modules():
        for name, parameter in module.named_parameters(recurse=False):
            is_bias_or_norm = name == "bias" or isinstance(module, NORMS) or parameter.ndim <= 1
            (undecayed if is_bias_or_norm else decayed).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": _trainable(decayed), "lr": lr, "name": "backbone"},
        {"params": _trainable(undecayed), "lr": lr, "weight_decay": 0.0, "name": "backbone_no_decay"},
        {"params": _trainable(loss.parameters()), "lr": lr * loss_lr_factor, "name": "loss"},
    ]
    return [group for group in groups if group["params"]]


def _trainable(parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    return [parameter for parameter in parameters if parameter.requires_grad]


class WarmupCosine:
    """Learning-rate factor: a linear warm-up, then half a cosine (Loshchilov and Hutter, ICLR 2017, equation 5).

    It is given in shares of the run, so the same settings fit any number of steps.

    Args:
        warmup: share of the steps over which the factor rises from near 0 to 1.
        final_factor: factor at the last step.

    Raises:
        ValueError: for a share outside [0, 1) or a factor outside [0, 1].
    """

    def __init__(self, warmup: float = 0.05, final_factor: float = 0.0) -> None:
        if not 0.0 <= warmup < 1.0:
            raise ValueError(f"schedule warmup={warmup}: a share of the run in [0, 1)")
        if not 0.0 <= final_factor <= 1.0:
            raise ValueError(f"schedule final_factor={final_factor}: must be in [0, 1]")
        self.warmup = warmup
        self.final_factor = final_factor

    def factor(self, step: int, total_steps: int) -> float:
        """Factor of the learning rate at a step counted from 0."""
        warmup_steps = round(self.warmup * total_steps)
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = min((step - warmup_steps) / max(total_steps - warmup_steps, 1), 1.0)
        return self.final_factor + (1.0 - self.final_factor) * 0.5 * (1.0 + math.cos(math.pi * progress))

    def scheduler(self, optimizer: Optimizer, total_steps: int) -> LambdaLR:
        """A torch scheduler to be stepped once an optimizer step."""
        return LambdaLR(optimizer, lambda step: self.factor(step, total_steps))
