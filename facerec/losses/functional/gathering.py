"""The rows of all processes that train together, with their gradient.

Each process then computes the loss of the whole batch. ``DistributedDataParallel`` takes the mean of the gradients over
the processes, and with this gradient that mean is the gradient of the mean loss.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def from_all_processes(rows_ND: Tensor) -> Tensor:
    """The rows of all processes, in their order; the rows themselves where one process trains.

    Args:
        rows_ND: rows (N, ...) of this process. On a CPU the processes may have different numbers of rows. Elsewhere
            they have the same: to compare them would make every step wait for the device.

    Example:
        >>> import torch
        >>> from_all_processes(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows_ND
    gathered: Tensor = _Gather.apply(rows_ND, _sizes(rows_ND))
    return gathered


def own_rows(all_BD: Tensor, rows_ND: Tensor) -> Tensor:
    """What belongs to the rows of this process, of something worked out for ``from_all_processes`` of them.

    Example:
        >>> import torch
        >>> own_rows(torch.tensor([5.0, 6.0]), torch.ones(2, 3))
        tensor([5., 6.])
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return all_BD
    return torch.split(all_BD, _sizes(rows_ND))[dist.get_rank()]


def _sizes(rows_ND: Tensor) -> list[int]:
    """The number of rows of each process."""
    world = dist.get_world_size()
    if rows_ND.device.type != "cpu":
        return [len(rows_ND)] * world
    sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(world)]
    dist.all_gather(sizes, torch.tensor([len(rows_ND)]))
    return [int(size) for size in sizes]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_ND: Tensor, sizes: list[int]) -> Tensor:
        """All rows; shorter batches travel with rows of zeros behind them."""
        ctx.first, ctx.count = sum(sizes[: dist.get_rank()]), len(rows_ND)
        padded_ND = rows_ND.new_zeros(max(sizes), *rows_ND.shape[1:])
        padded_ND[: len(rows_ND)] = rows_ND
        parts = [torch.empty_like(padded_ND) for _ in sizes]
        dist.all_gather(parts, padded_ND)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The own rows of the sum over the processes."""
        gradient_ND = gradients[0].contiguous().clone()
        dist.all_reduce(gradient_ND)
        return gradient_ND[ctx.first : ctx.first + ctx.count], None
