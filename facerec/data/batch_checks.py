"""Checks of the settings of training batches, and of what the loss needs of them."""

import math

from facerec.data.interfaces import BatchNeeds
from facerec.settings import require_within
from facerec.transforms.mix import Mix


def check_images_per_person(images_per_person: int | None, batch_size: int) -> None:
    """Refuse a batch that cannot hold whole people.

    Raises:
        ValueError: naming both settings.
    """
    if images_per_person is None:
        return
    require_within("data.", 1, math.inf, images_per_person=images_per_person)
    if batch_size % images_per_person:
        raise ValueError(
            f"data.batch_size={batch_size} and data.images_per_person={images_per_person}: a batch holds whole people, "
            "so the first must be a multiple of the second"
        )


def check_mix(mix: Mix | None, loss: BatchNeeds | None) -> None:
    """Refuse mixing for a loss that takes no soft labels.

    Raises:
        ValueError: naming both settings.
    """
    if mix is not None and loss is not None and not loss.takes_soft_labels:
        raise ValueError(
            f"data.mix={mix} gives each image shares of two people, and model.loss={type(loss).__name__} needs one "
            "person for its margin or its pairs: take data.mix out, or train with Softmax or NormFace"
        )


def check_positives(
    loss: BatchNeeds | None, images_per_person: int | None, views: int, people: int | None
) -> list[str]:
    """See that a loss on pairs gets images of the same person in a batch.

    Args:
        loss: the loss of the model.
        images_per_person: K of a batch of people, None for a plain shuffle.
        views: number of views of each image in a batch.
        people: number of training people.

    Returns:
        A message if a plain shuffle gives few such images, else none.

    Raises:
        ValueError: if a batch can never hold two images of a person.
    """
    if loss is None or not loss.needs_positives or views > 1:
        return []
    name = type(loss).__name__
    if images_per_person == 1:
        raise ValueError(
            f"data.images_per_person=1 gives {name} no two images of a person in a batch: set it to 2 or more, or "
            "data.views=2"
        )
    if images_per_person is None:
        return [
            f"{name} learns from images of the same person in a batch, and a plain shuffle of {people} people brings "
            "few together: set data.images_per_person (4, say), or data.views=2"
        ]
    return []
