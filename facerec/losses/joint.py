"""Losses that go with others: a centre for each person, and the sum of several losses.

Shapes: B batch, D embedding dimension, C classes.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from typing_extensions import Self

from facerec.losses.base import Loss
from facerec.losses.functional.pairs import people_of_batch
from facerec.settings import require_choice, require_within

Shape = Literal["linear", "cosine"]


class Center(Loss):
    """1/2 mean |x - c_y|^2, with centres that follow the embeddings (Wen et al., ECCV 2016, equations 2 and 4).

    Alone it is smallest if all embeddings are one point. Join it to a loss that keeps people apart, from the first
    step.

    The centres move by their own rule, c_j <- c_j - rate * sum(c_j - x_i) / (1 + n_j), not by the optimizer. They are
    saved.

    Args:
        center_rate: share alpha of the way that a centre moves towards the batch, in [0, 1].

    Raises:
        ValueError: if ``center_rate`` lies outside [0, 1].

    Example:
        A centre starts at the origin, so an embedding of length 5 costs 25 / 2. Then the centre moves by
        0.5 (3, 4) / (1 + 1).

        >>> import torch
        >>> loss = Center(center_rate=0.5).build(embedding_dim=2, num_classes=1)
        >>> loss(torch.tensor([[3.0, 4.0]]), torch.tensor([0])).item()
        12.5
        >>> loss.centers
        tensor([[0.7500, 1.0000]])
    """

    needs_build = True
    centers: Tensor

    def __init__(self, center_rate: float = 0.5) -> None:
        super().__init__()
        require_within(self, 0.0, 1.0, center_rate=center_rate)
        self.center_rate = center_rate

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Put all centres (C, D) at the origin."""
        super().build(embedding_dim, num_classes)
        self.register_buffer("centers", torch.zeros(num_classes, embedding_dim))
        return self

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """Mean squared distance to the own centre, halved; in training the centres move afterwards."""
        squared_B = (embeddings_BD - self.centers[labels_B]).square().sum(1)
        self.record(center_distance=squared_B.sqrt().mean())
        if self.training:
            self._move(embeddings_BD.detach(), labels_B)
        return 0.5 * squared_B.mean()

    @torch.no_grad()
    def _move(self, embeddings_BD: Tensor, labels_B: Tensor) -> None:
        toward_BD = embeddings_BD.to(self.centers.dtype) - self.centers[labels_B]
        _, images_B = people_of_batch(labels_B)
        step_BD = toward_BD * (self.center_rate / (1.0 + images_B.to(toward_BD.dtype)))[:, None]
        self.centers.index_add_(0, labels_B, step_BD)


@dataclass
class Ramp:
    """A weight that moves from one value to another over some optimizer steps, and stays there.

    Args:
        start: weight before the ramp, not negative.
        end: weight after the ramp, not negative.
        steps: length of the ramp in optimizer steps.
        first_step: first optimizer step of the ramp, counted from 0.
        shape: "linear", or "cosine": half a cosine, level at both ends.

    Raises:
        ValueError: for a negative weight, fewer than 1 ``steps``, a negative ``first_step``, or another ``shape``.

    Example:
        >>> import torch
        >>> ramp = Ramp(start=0.0, end=0.5, steps=100)
        >>> [ramp.at(torch.tensor(step)).item() for step in (0, 50, 200)]
        [0.0, 0.25, 0.5]
    """

    start: float = 0.0
    end: float = 1.0
    steps: int = 1000
    first_step: int = 0
    shape: Shape = "linear"

    def __post_init__(self) -> None:
        require_within(self, 0.0, math.inf, start=self.start, end=self.end)
        require_within(self, 1, math.inf, steps=self.steps)
        require_within(self, 0, math.inf, first_step=self.first_step)
        require_choice(self, get_args(Shape), shape=self.shape)

    def at(self, step: Tensor) -> Tensor:
        """The weight at a step, a scalar on the device of the step."""
        progress = ((step - self.first_step) / self.steps).clamp(0.0, 1.0)
        if self.shape == "cosine":
            progress = 0.5 * (1.0 - torch.cos(math.pi * progress))
        return self.start + (self.end - self.start) * progress


class Joint(Loss):
    """A weighted sum of losses, for example softmax with triplets: L = sum_k w_k L_k.

    All parts see the same embeddings. It logs the loss, the weight and the statistics of each part under its name.

    Args:
        losses: the parts, by names of your choice: words without "." and "/".
        weights: weight of each part, a number or a ``Ramp`` in optimizer steps; 1 for a part without one. The count of
            steps is saved, so a resumed run continues at the same weights.

    Raises:
        ValueError: without losses, for a name that cannot be used, a weight of no loss, or a negative weight.

    Example:
        Softmax gives log(1 + 2 e^-1) = 0.5514 and Center 1/2, as its centres start at the origin. The sum is
        0.5514 + 0.1 * 0.5.

        >>> import torch
        >>> from facerec.losses import Softmax
        >>> loss = Joint({"ce": Softmax(), "center": Center()}, weights={"center": 0.1}).build(3, num_classes=3)
        >>> loss.parts["ce"].weight.data = torch.eye(3)
        >>> print(f"{loss(torch.eye(3), torch.tensor([0, 1, 2])):.4f}")
        0.6014
        >>> list(loss.statistics())
        ['ce/loss', 'ce/weight', 'center/loss', 'center/weight', 'center/center_distance']
    """

    steps: Tensor

    def __init__(self, losses: dict[str, Loss], weights: dict[str, float | Ramp] | None = None) -> None:
        super().__init__()
        if not losses:
            raise ValueError("Joint losses={}: name at least one")
        _check_names(losses)
        unknown = set(weights or {}) - set(losses)
        if unknown:
            raise ValueError(f"Joint weights for {sorted(unknown)}, but the losses are {sorted(losses)}")
        self.losses = nn.ModuleDict(losses)
        self.weights: dict[str, float | Ramp] = {name: (weights or {}).get(name, 1.0) for name in losses}
        for name, weight in self.weights.items():
            if not isinstance(weight, Ramp):  # which checks its own
                require_within(f"Joint loss {name!r}:", 0.0, math.inf, weight=weight)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def parts(self) -> dict[str, Loss]:
        """The losses by name."""
        return {name: part for name, part in self.losses.items() if isinstance(part, Loss)}

    @property
    def needs_positives(self) -> bool:
        """Whether any part learns from genuine pairs inside a batch."""
        return any(part.needs_positives for part in self.parts.values())

    @property
    def takes_soft_labels(self) -> bool:
        """Whether every part takes shares of the classes."""
        return all(part.takes_soft_labels for part in self.parts.values())

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Build every part."""
        super().build(embedding_dim, num_classes)
        for part in self.parts.values():
            part.build(embedding_dim, num_classes)
        return self

    def logits(self, embeddings_BD: Tensor) -> Tensor | None:
        """Class scores (B, C) of the first part that has class weights; None if none has."""
        for part in self.parts.values():
            logits_BC = part.logits(embeddings_BD)
            if logits_BC is not None:
                return logits_BC
        return None

    def named(self, embeddings_BD: Tensor) -> Tensor | None:
        """The class of the highest logit (B,) in the first part that has class weights; None if none has."""
        found = (part.named(embeddings_BD) for part in self.parts.values())
        return next((named_B for named_B in found if named_B is not None), None)

    def class_directions(self) -> Tensor | None:
        """Those of the first part that has class weights; None if none has."""
        found = (part.class_directions() for part in self.parts.values())
        return next((directions_CD for directions_CD in found if directions_CD is not None), None)

    def compute(self, embeddings_BD: Tensor, labels_B: Tensor) -> Tensor:
        """The weighted sum. A part of weight 0 is computed too, so that its statistics and centres move."""
        total = embeddings_BD.new_zeros(())
        statistics: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            setting = self.weights[name]
            weight = setting.at(self.steps) if isinstance(setting, Ramp) else total.new_full((), setting)
            loss = part.of_whole_batch(*self.batch_of(name, embeddings_BD, labels_B))
            total = total + weight * loss
            statistics |= {f"{name}/loss": loss, f"{name}/weight": weight}
            statistics |= {f"{name}/{key}": value for key, value in part.statistics().items()}
        self.record(**statistics)
        return total

    def batch_of(self, name: str, embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """What a part sees of the batch: all of it."""
        return embeddings_BD, labels_B

    def step(self) -> None:
        """Count a step, for the ramps and in every part."""
        self.steps += 1
        for part in self.parts.values():
            part.step()


def _check_names(names: Iterable[object]) -> None:
    """Refuse names of parts that cannot name modules and logged values.

    Raises:
        ValueError: naming the first of them, and why.
    """
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"Joint losses: YAML reads the name {name!r} as no text: put it in quotes, or rename it")
        if not name or "." in name or "/" in name:
            raise ValueError(f"Joint losses: a loss cannot be called {name!r}: give a name without '.' and '/'")
        if hasattr(nn.ModuleDict(), name):
            raise ValueError(f"Joint losses: a loss cannot be called {name!r}, a word of PyTorch's: rename it")
