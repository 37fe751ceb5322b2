"""Sums over processes that share one loss, each holding the gradient of its own part.

A process's part of the loss is a function of what all processes know alike (embeddings, labels, sums) and of its own
classes. The total is the sum of the parts. Three rules make each gradient that of one process with everything:

- What is summed inside (``summed``, ``log_sum_exp``) has the sum of all gradients of it, for each process used it.
- The gradient of the total is W times that of a part for W processes, as ``DistributedDataParallel`` divides by W.
- Class weights live in one process, and nothing divides their gradient. ``of_one_process`` does.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, world: int) -> Tensor:
        ctx.world = world
        total = part.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.world, None


def total(part: Tensor, world: int) -> Tensor:
    """The sum of the parts of all processes. Each goes on with the gradient of its own part, times ``world``.

    Example:
        >>> import torch
        >>> total(torch.tensor(2.0), world=1)
        tensor(2.)
    """
    result: Tensor = part if world == 1 else _Total.apply(part, world)
    return result


class _OfOneProcess(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight_CD: Tensor, world: int) -> Tensor:
        ctx.world = world
        return weight_CD.view_as(weight_CD)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] / ctx.world, None


def of_one_process(weight_CD: Tensor, world: int) -> Tensor:
    """Weights that this process alone has: their gradient is not divided by ``world`` later, so it is here.

    Example:
        >>> import torch
        >>> of_one_process(torch.ones(2), world=1)
        tensor([1., 1.])
    """
    result: Tensor = weight_CD if world == 1 else _OfOneProcess.apply(weight_CD, world)
    return result


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        values = values.clone()
        dist.all_reduce(values)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous().clone()
        dist.all_reduce(gradient)
        return gradient


def summed(values: Tensor, world: int) -> Tensor:
    """The sum over the processes of values that each of them goes on to use.

    Example:
        >>> import torch
        >>> summed(torch.tensor([1.0, 2.0]), world=1)
        tensor([1., 2.])
    """
    result: Tensor = values if world == 1 else _Summed.apply(values)
    return result


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        top = values.clone()
        dist.all_reduce(top, dist.ReduceOp.MAX)
        sums = (values - top).exp()
        dist.all_reduce(sums)
        result = top + sums.log()
        ctx.save_for_backward(values - result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0].contiguous().clone()
        dist.all_reduce(gradient)
        (log_share,) = ctx.saved_tensors
        result: Tensor = gradient * log_share.exp()
        return result


def log_sum_exp(values: Tensor, world: int) -> Tensor:
    """The log of the sum over the processes of exp(values), which each of them goes on to use.

    Some process has a finite value. There is no floor under the result: it is exact for any values.

    Example:
        >>> import torch
        >>> log_sum_exp(torch.tensor([1.0, 2.0]), world=1)
        tensor([1., 2.])
    """
    result: Tensor = values if world == 1 else _LogSumExp.apply(values)
    return result


def from_first_process(values: Tensor, world: int) -> Tensor:
    """What the first process drew, in all of them: numbers that they must agree on.

    Example:
        >>> import torch
        >>> from_first_process(torch.tensor([0.5]), world=1)
        tensor([0.5000])
    """
    if world > 1:
        dist.broadcast(values, 0)
    return values
