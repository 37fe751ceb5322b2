"""What a backbone costs: parameters and multiply-adds, computed, and images per second, measured."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(module: nn.Module) -> int:
    """Number of trainable and frozen parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def check_max_params(backbone: nn.Module, max_params: int | None) -> None:
    """Refuse a network above a limit, such as a course's 30 million parameters.

    Raises:
        ValueError: naming the limit, the network and its size.
    """
    parameters = count_parameters(backbone)
    if max_params is not None and parameters > max_params:
        raise ValueError(
            f"max_params={max_params:,}: {type(backbone).__name__} has {parameters:,} parameters; take a shallower or "
            "narrower one (`facerec backbones` lists them), or raise max_params"
        )


@torch.no_grad()
def multiply_adds(backbone: nn.Module, image_size: tuple[int, int] = (112, 112)) -> int:
    """Multiply-adds of the convolutions and matrix products for one image.

    Args:
        backbone: on any device; on ``meta`` nothing is computed, and the answer comes at once.
        image_size: (height, width).
    """
    device = next(backbone.parameters()).device
    with evaluating(backbone), FlopCounterMode(display=False) as counter:
        backbone(torch.zeros(1, 3, *image_size, device=device))
    return int(counter.get_total_flops()) // 2


@torch.no_grad()
def images_per_second(backbone: nn.Module, images_BCHW: Tensor, seconds: float = 0.5) -> float:
    """Best rate of forward passes in evaluation mode. Disturbances only make a pass slower, so the best one counts.

    Args:
        backbone: on the device of the images.
        images_BCHW: the batch to embed again and again.
        seconds: duration of the measurement, after one pass to warm up.
    """
    with evaluating(backbone):
        backbone(images_BCHW)
        best, end = float("inf"), time.perf_counter() + seconds
        while best == float("inf") or time.perf_counter() < end:
            start = time.perf_counter()
            backbone(images_BCHW)
            if images_BCHW.is_cuda:
                torch.cuda.synchronize()
            best = min(best, time.perf_counter() - start)
    return len(images_BCHW) / best


@contextmanager
def evaluating(backbone: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the context; afterwards each part has its own mode again."""
    was_training = {module: module.training for module in backbone.modules()}
    backbone.eval()
    try:
        yield
    finally:
        for module, mode in was_training.items():
            module.training = mode
