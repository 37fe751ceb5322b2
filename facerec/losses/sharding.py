"""Class weights that are split over the processes of a training: who has what, and checkpoints that are whole.

Shapes: R rows of class weights, of one process or of all.

Each process trains its own rows. A checkpoint holds all of them, as one process would write it, so any number of
processes can go on from it. ``functional.sharded`` has the maths.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from facerec.losses.base import ClassifierLoss
from facerec.losses.functional import Shard

ROWS = 1 << 16  # that travel at a time to the CPU of the first process: 128 MiB of float32 at 512 numbers each


def sharded_parts(loss: nn.Module) -> dict[str, ClassifierLoss]:
    """The losses that are to be split, by name; a sum of losses may have several.

    Example:
        >>> from facerec.losses import ArcFace, Joint, SupCon
        >>> list(sharded_parts(Joint({"arc": ArcFace(sharded=True), "pairs": SupCon()})))
        ['losses.arc']
    """
    modules = loss.named_modules()
    return {name: part for name, part in modules if isinstance(part, ClassifierLoss) and part.sharding is not None}


def split_over_processes(loss: nn.Module) -> list[str]:
    """Let each process of the default group keep its own class weights alone.

    In a training loop of your own, call it before the optimizer is made and the model wrapped, and let
    ``DistributedDataParallel`` ignore what it returns: it would take the mean of different people's weights.

    Args:
        loss: a loss that is built, or a sum of losses.

    Returns:
        Names of the parameters that are different in each process; none where one process trains.

    Raises:
        ValueError: if there are fewer people than processes.

    Example:
        >>> from facerec.losses import ArcFace
        >>> loss = ArcFace(scale=16.0, sharded=True).build(embedding_dim=4, num_classes=6)
        >>> split_over_processes(loss), loss.weight.shape  # one process keeps all
        ([], torch.Size([6, 4]))
    """
    if dist.is_available() and dist.is_initialized():
        for part in sharded_parts(loss).values():
            if part.shard is None:
                part.split(dist.get_rank(), dist.get_world_size())
    return [name for name, _, _ in _split_parameters(loss)]


def split_parameters(loss: nn.Module) -> list[nn.Parameter]:
    """The parameters that are different in each process."""
    return [parameter for _, parameter, _ in _split_parameters(loss)]


def gather_checkpoint(checkpoint: dict[str, Any], loss: nn.Module, prefix: str, group: str) -> None:
    """Make the checkpoint of the first process whole, in place, on its CPU. All processes call it at once.

    Args:
        checkpoint: with ``state_dict`` and perhaps ``optimizer_states``.
        loss: the loss whose class weights are split.
        prefix: of the names of its parameters in ``state_dict``.
        group: name of the optimizer's group that has all of its parameters.

    Raises:
        ValueError: if the optimizer keeps something of the class weights that has no rows of theirs.
    """
    _change_rows(checkpoint, loss, prefix, group, _all_rows)


def scatter_checkpoint(checkpoint: dict[str, Any], loss: nn.Module, prefix: str, group: str) -> None:
    """Keep the rows of this process of a whole checkpoint, in place. For the arguments see ``gather_checkpoint``.

    Raises:
        ValueError: if the optimizer kept something of the class weights that has no rows of theirs.
    """
    _change_rows(checkpoint, loss, prefix, group, _rows_of_process)


def _change_rows(
    checkpoint: dict[str, Any], loss: nn.Module, prefix: str, group: str, change: Callable[[Tensor, Shard], Tensor]
) -> None:
    """Replace class weights and what an optimizer keeps of them."""
    split = {name: (parameter, shard) for name, parameter, shard in _split_parameters(loss)}
    for name, (_, shard) in split.items():
        checkpoint["state_dict"][prefix + name] = change(checkpoint["state_dict"][prefix + name], shard)
    for optimizer in checkpoint.get("optimizer_states", ()) if split else ():
        indices = next((each["params"] for each in optimizer["param_groups"] if each.get("name") == group), ())
        trained = (name for name, parameter in loss.named_parameters() if parameter.requires_grad)
        for index, name in zip(indices, trained, strict=True):
            if name in split and index in optimizer["state"]:
                kept, (parameter, shard) = optimizer["state"][index], split[name]
                own = len(parameter)
                rows = own if change is _all_rows else own // len(shard) * shard.classes
                _require_rows(kept, rows, shard)
                optimizer["state"][index] = {  # a new one: the optimizer goes on with the old
                    key: change(value, shard) if _has_rows(value) else value for key, value in kept.items()
                }


def _has_rows(value: Any) -> bool:
    """Whether an optimizer keeps it for each row, and not, like a count of steps, for all together."""
    return isinstance(value, Tensor) and value.ndim > 0


def _require_rows(kept: dict[str, Any], rows: int, shard: Shard) -> None:
    """Refuse what an optimizer keeps of class weights if it is not one of their rows each."""
    for key, value in kept.items():
        if _has_rows(value) and len(value) != rows:
            raise ValueError(
                f"the optimizer's {key} of {rows} class weights has the shape {tuple(value.shape)}, which cannot be "
                f"split over {shard.world} processes. Take SGD, AdamW or the like, or leave sharded out"
            )


def _rows_of_process(whole_RD: Tensor, shard: Shard) -> Tensor:
    """A copy of the rows of this process, so that the rest is freed."""
    return whole_RD[shard.rows(len(whole_RD))].clone()


def _all_rows(own_RD: Tensor, shard: Shard) -> Tensor:
    """The rows of all processes, on the CPU of the first one; the others keep theirs.

    Some rows at a time: a GPU has no room for all.
    """
    if shard.rank:
        for part_RD in torch.split(own_RD.detach(), ROWS):
            dist.send(part_RD.contiguous(), 0)
        return own_RD
    whole_RD = torch.empty(len(own_RD) // len(shard) * shard.classes, *own_RD.shape[1:], dtype=own_RD.dtype)
    whole_RD[shard.rows(len(whole_RD))] = own_RD.detach().cpu()
    for rank in range(1, shard.world):
        rows = Shard(rank, shard.world, shard.classes).rows(len(whole_RD))
        for part_RD in torch.split(whole_RD[rows], ROWS):
            received_RD = torch.empty_like(part_RD, device=own_RD.device)
            dist.recv(received_RD, rank)
            part_RD.copy_(received_RD)
    return whole_RD


def _split_parameters(loss: nn.Module) -> Iterator[tuple[str, nn.Parameter, Shard]]:
    """Name, parameter and shard of all that is different in each process."""
    for prefix, part in sharded_parts(loss).items():
        if part.shard is not None:
            for name in part.split_parameters:
                yield f"{prefix}.{name}" if prefix else name, part.get_parameter(name), part.shard
