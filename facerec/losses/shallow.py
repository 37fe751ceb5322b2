"""A margin for people of many images, and a loss on pairs for people of few.

Shapes: B labelled embeddings, P people of few images, D embedding dimension.
"""

import torch
from torch import Tensor
from typing_extensions import Self

from facerec.losses.base import Loss
from facerec.losses.functional.gathering import from_all_processes
from facerec.losses.joint import Joint, Ramp


class DeepAndShallow(Joint):
    """A loss on deep people, and a loss on pairs of all people: L = L_deep + w L_shallow.

    Deep people have many images, shallow people one or a few (Du et al., ECCV 2020). A class of one image only fits its
    class weight to that image. So shallow people are no classes: two views of each are a genuine pair.

    Embeddings (B + 2 P, D) come with labels (B,). The first B are of deep people. Behind them come the first views of P
    different shallow people, and then their second views, in the same order. ``data.shallow`` makes such batches.

    Args:
        deep: the loss on the B labelled embeddings, with class weights.
        shallow: the loss on all B + 2 P embeddings, without class weights. All other people are impostors to a shallow
            person. Images of one deep person in a batch are genuine pairs, too.
        weight: weight of the second loss, a number or a ``Ramp`` in optimizer steps.

    Raises:
        ValueError: if ``shallow`` has class weights or learns from no pairs, or for a negative weight.

    Example:
        One deep image on its class weight, and two equal views of a shallow person, at right angles to it. NormFace
        gives log(1 + e^-4) = 0.0181. SupCon has the two views for anchors, each with the logits 1 and 0, and gives
        log(e + 1) - 1 = 0.3133. The sum is 0.0181 + 0.5 * 0.3133.

        >>> import torch
        >>> from facerec.losses import NormFace, SupCon
        >>> loss = DeepAndShallow(NormFace(scale=4.0), SupCon(temperature=1.0), weight=0.5)
        >>> _ = loss.build(embedding_dim=2, num_classes=2)
        >>> loss.parts["deep"].weight.data = torch.eye(2)
        >>> views = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
        >>> print(f"{loss(torch.cat([torch.eye(2)[:1], views]), torch.tensor([0])):.4f}")
        0.1748
    """

    def __init__(self, deep: Loss, shallow: Loss, weight: float | Ramp = 1.0) -> None:
        super().__init__({"deep": deep, "shallow": shallow}, {"shallow": weight})
        name = type(shallow).__name__
        if any(part.needs_build for part in shallow.modules() if isinstance(part, Loss)):
            raise ValueError(
                f"DeepAndShallow shallow={name} keeps something for each person, and shallow people are no classes: "
                "give a loss on pairs, such as SupCon"
            )
        if not shallow.needs_positives:
            raise ValueError(
                f"DeepAndShallow shallow={name} learns nothing from two views of a person: give a loss on pairs, such "
                "as SupCon"
            )

    @property
    def needs_positives(self) -> bool:
        """Whether the loss on deep people does. Shallow people bring their own genuine pairs."""
        return self.parts["deep"].needs_positives

    @property
    def takes_shallow(self) -> bool:
        """True: embeddings without a label are views of shallow people."""
        return True

    def build(self, embedding_dim: int, num_classes: int) -> Self:
        """Build the loss on deep people. The other one has nothing to build."""
        Loss.build(self, embedding_dim, num_classes)
        self.parts["deep"].build(embedding_dim, num_classes)
        return self

    def check_rows(self, embeddings: int, labels: int) -> None:
        """Refuse embeddings that are not two views of each shallow person behind the labelled ones.

        Raises:
            ValueError: naming both numbers.
        """
        if embeddings < labels or (embeddings - labels) % 2:
            raise ValueError(
                f"DeepAndShallow got {embeddings} embeddings and {labels} labels: behind the labelled embeddings it "
                "needs two views of each shallow person"
            )

    def gathered(self, embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """Labelled embeddings of all processes, then the first views of their shallow people, then the second views."""
        self.check_rows(len(embeddings_BD), len(labels_B))
        labelled = len(labels_B)
        middle = (labelled + len(embeddings_BD)) // 2
        parts = embeddings_BD[:labelled], embeddings_BD[labelled:middle], embeddings_BD[middle:]
        return torch.cat([from_all_processes(part) for part in parts]), from_all_processes(labels_B)

    def batch_of(self, name: str, embeddings_BD: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        """The labelled embeddings for ``deep``; all, with a label for each shallow person, for ``shallow``."""
        labelled = len(labels_B)
        if name == "deep":
            return embeddings_BD[:labelled], labels_B
        people = (len(embeddings_BD) - labelled) // 2
        shallow_P = self.num_classes + torch.arange(people, device=labels_B.device)
        return embeddings_BD, torch.cat([labels_B, shallow_P, shallow_P])
