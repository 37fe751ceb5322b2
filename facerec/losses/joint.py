"""Losses that go along with others: a centre for each person, and the sum of several losses.

Shapes: B batch, D embedding dimension, C classes.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from facerec.losses.base import Loss, check_range


class Center(Loss):
    """1/2 mean |x - c_y|^2, with centres that follow the embeddings (Wen et al., ECCV 2016, equations 2 and 4).

    Alone it is at its minimum when all embeddings are one point: join it to a loss that keeps people apart, and from
    the first step. The centres are moved by their own rule, c_j <- c_j - rate * sum(c_j - x_i) / (1 + n_j), not by the
    optimizer, and are saved. Processes that train together share their batches for it.

    Args:
        center_rate: alpha, how far a centre moves towards the batch, in [0, 1].

    Raises:
        ValueError: if ``center_rate`` lies outside [0, 1].
    """

    centers: Tensor

    def __init__(self, center_rate: float = 0.5) -> None:
        super().__init__()
        check_range(self, 0.0, 1.0, center_rate=center_rate)
        self.center_rate = center_rate

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Put all centres (C, D) at the origin."""
        super().build(embedding_dim, num_classes)
        self.register_buffer("centers", torch.zeros(num_classes, embedding_dim))

    def check_labels(self, labels_B: Tensor) -> None:
        """As ``Loss.check_labels``.

        Raises:
            ValueError: also before ``build``.
        """
        if not self.num_classes:
            raise ValueError("Center has no centres yet: call build(embedding_dim, num_classes) first")
        super().check_labels(labels_B)

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean squared distance to the own centre, halved; in training the centres move afterwards."""
        squared_B = (embeddings_BD - self.centers[labels_B]).square().sum(1)
        self.record(center_distance=squared_B.sqrt().mean())
        if self.training:
            self._move(*_from_all_processes(embeddings_BD.detach(), labels_B))
        return 0.5 * squared_B.mean()

    @torch.no_grad()
    def _move(self, embeddings_BD: Tensor, labels_B: Tensor) -> None:
        toward_BD = embeddings_BD.to(self.centers.dtype) - self.centers[labels_B]
        count_C = torch.bincount(labels_B, minlength=len(self.centers)).to(toward_BD.dtype)
        step_BD = toward_BD * (self.center_rate / (1.0 + count_C[labels_B]))[:, None]
        self.centers.index_add_(0, labels_B, step_BD)


def _from_all_processes(embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
    """The batches of all processes together, so that they move equal centres equally. Equal batch sizes assumed."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return embeddings_BD, labels_B
    world = torch.distributed.get_world_size()
    embeddings = [torch.empty_like(embeddings_BD) for _ in range(world)]
    labels = [torch.empty_like(labels_B) for _ in range(world)]
    torch.distributed.all_gather(embeddings, embeddings_BD.contiguous())
    torch.distributed.all_gather(labels, labels_B.contiguous())
    return torch.cat(embeddings), torch.cat(labels)


@dataclass
class Ramp:
    """A weight that moves from one value to another over some optimizer steps, and stays there.

    Args:
        start: weight before the ramp.
        end: weight after it.
        steps: optimizer steps that the ramp takes.
        first_step: optimizer step at which it begins, counted from 0.
        shape: "linear", or "cosine": half a cosine, level at both ends.

    Raises:
        ValueError: for fewer than 1 ``steps``, a negative ``first_step``, or another ``shape``.
    """

    start: float = 0.0
    end: float = 1.0
    steps: int = 1000
    first_step: int = 0
    shape: Literal["linear", "cosine"] = "linear"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.first_step < 0:
            raise ValueError(f"Ramp steps={self.steps}, first_step={self.first_step}: at least 1 and 0")
        if self.shape not in ("linear", "cosine"):
            raise ValueError(f"Ramp shape={self.shape!r}: choose 'linear' or 'cosine'")

    def at(self, step: Tensor) -> Tensor:
        """The weight at a step, a scalar on its device."""
        progress = ((step - self.first_step) / self.steps).clamp(0.0, 1.0)
        if self.shape == "cosine":
            progress = 0.5 * (1.0 - torch.cos(math.pi * progress))
        return self.start + (self.end - self.start) * progress


class Joint(Loss):
    """A weighted sum of losses, for example softmax with triplets: L = sum_k w_k L_k.

    All parts see the same embeddings. Logs each part's loss, weight and own statistics under its name.

    Args:
        losses: the parts, by names of your choice.
        weights: weight of each part, a number or a ``Ramp`` in optimizer steps; 1 for those not named. The step count
            is saved, so that a resumed run goes on where it was.

    Raises:
        ValueError: without losses, for a weight of no loss, or a negative weight.
    """

    steps: Tensor

    def __init__(self, losses: dict[str, Loss], weights: dict[str, float | Ramp] | None = None) -> None:
        super().__init__()
        if not losses:
            raise ValueError("Joint losses={}: name at least one")
        unknown = set(weights or {}) - set(losses)
        if unknown:
            raise ValueError(f"Joint weights for {sorted(unknown)}, but the losses are {sorted(losses)}")
        self.losses = nn.ModuleDict(losses)
        self.weights: dict[str, float | Ramp] = {name: (weights or {}).get(name, 1.0) for name in losses}
        for name, weight in self.weights.items():
            if min((weight.start, weight.end) if isinstance(weight, Ramp) else (weight,)) < 0.0:
                raise ValueError(f"Joint weights[{name!r}]={weight}: must not be negative")
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def parts(self) -> dict[str, Loss]:
        """The losses by name."""
        return {name: part for name, part in self.losses.items() if isinstance(part, Loss)}

    @property
    def uses_pairs(self) -> bool:
        """Whether any part learns from pairs of the batch."""
        return any(part.uses_pairs for part in self.parts.values())

    @property
    def takes_soft_labels(self) -> bool:
        """Whether every part takes shares of the classes."""
        return all(part.takes_soft_labels for part in self.parts.values())

    def build(self, embedding_dim: int, num_classes: int) -> None:
        """Build every part."""
        super().build(embedding_dim, num_classes)
        for part in self.parts.values():
            part.build(embedding_dim, num_classes)

    def logits(self, embeddings_BD: Tensor) -> Tensor | None:
        """Those of the first part that has class weights; None if none has."""
        for part in self.parts.values():
            logits_BC = part.logits(embeddings_BD)
            if logits_BC is not None:
                return logits_BC
        return None

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """The weighted sum; a part of weight 0 is still computed, so that its statistics and centres move."""
        total = embeddings_BD.new_zeros(())
        statistics: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            setting = self.weights[name]
            weight = setting.at(self.steps) if isinstance(setting, Ramp) else total.new_tensor(setting)
            loss = part(embeddings_BD, labels_B)
            total = total + weight * loss
            statistics |= {f"{name}/loss": loss, f"{name}/weight": weight}
            statistics |= {f"{name}/{key}": value for key, value in part.statistics().items()}
        self.record(**statistics)
        return total

    def step(self) -> None:
        """Move the ramps, and what the parts themselves count, on by a step."""
        self.steps += 1
        for part in self.parts.values():
            part.step()
