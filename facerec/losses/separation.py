"""How well the class weights of a loss tell apart the people of a batch.

Shapes: B batch, D embedding dimension, C classes.
"""

import torch
from torch import Tensor

from facerec.losses.base import ClassifierLoss, Loss
from facerec.losses.joint import Joint
from facerec.losses.margin import CosineClassifier


@torch.no_grad()
def separation(loss: Loss, embeddings_BD: Tensor, labels_B: Tensor) -> dict[str, Tensor]:
    """Numbers of a training batch that its loss does not need, as scalars on the device.

    - ``accuracy``: share of the images whose own person has the highest logit, without margin.
    - ``other_cosine``: mean cosine between an image and the nearest class weights of another person. Only losses that
      classify by cosines have it.

    A sum of losses answers by its first part that has class weights.

    Args:
        loss: the loss of the training.
        embeddings_BD: embeddings (B, D), not normalised. Those of people outside the classifier come last.
        labels_B: class of each embedding but the last ones. Soft labels have no own class.

    Returns:
        Nothing for a loss without class weights, and for soft labels.

    Example:
        The first two lie on their class weights, the third on those of the second person.

        >>> from facerec.losses import ArcFace
        >>> loss = ArcFace(scale=16.0).build(embedding_dim=3, num_classes=3)
        >>> loss.weight.data = torch.eye(3)
        >>> found = separation(loss, torch.eye(3)[[0, 1, 1]], torch.tensor([0, 1, 2]))
        >>> {name: round(value.item(), 3) for name, value in found.items()}
        {'accuracy': 0.667, 'other_cosine': 0.333}
    """
    classifier = _classifier(loss)
    if classifier is None or labels_B.is_floating_point():
        return {}
    with torch.autocast(embeddings_BD.device.type, enabled=False):
        named_B, other_B = classifier.nearest(embeddings_BD[: len(labels_B)].float(), labels_B)
    found = {"accuracy": (named_B == labels_B).float().mean()}
    if isinstance(classifier, CosineClassifier) and classifier.num_classes > 1:
        found["other_cosine"] = other_B.mean() / classifier.scale
    return found


def _classifier(loss: Loss) -> ClassifierLoss | None:
    """The loss or its first part that has class weights."""
    if isinstance(loss, Joint):
        found = (_classifier(part) for part in loss.parts.values())
        return next((part for part in found if part is not None), None)
    return loss if isinstance(loss, ClassifierLoss) else None
