"""Checks of the settings of training batches, and of what the loss needs of them."""

import math

from facerec.data.interfaces import BatchNeeds
from facerec.data.shallow import Shallow
from facerec.settings import require_within
from facerec.transforms.mix import Mix
from facerec.transforms.torchvision_transforms import TorchvisionTransforms


def check_images_per_person(images_per_person: int | None, batch_size: int, shallow: int = 0) -> None:
    """Refuse a batch that cannot hold whole people.

    Args:
        images_per_person: K of a batch of people, None for a plain shuffle.
        batch_size: number of images in a batch.
        shallow: number of them that show shallow people.

    Raises:
        ValueError: naming both settings.
    """
    if images_per_person is None:
        return
    require_within("data.", 1, math.inf, images_per_person=images_per_person)
    if shallow and (batch_size - shallow) % images_per_person:
        raise ValueError(
            f"data.batch_size={batch_size}, of which data.shallow takes {shallow}, and data.images_per_person="
            f"{images_per_person}: the other {batch_size - shallow} hold whole people, so they must be a multiple of it"
        )
    if not shallow and batch_size % images_per_person:
        raise ValueError(
            f"data.batch_size={batch_size} and data.images_per_person={images_per_person}: a batch holds whole people, "
            "so the first must be a multiple of the second"
        )


def check_mine_among(mine_among: int | None, images_per_person: int | None) -> None:
    """Refuse to choose the people of a batch where batches have none.

    Raises:
        ValueError: naming both settings.
    """
    if mine_among is not None and images_per_person is None:
        raise ValueError(
            f"data.mine_among={mine_among} chooses the people of a batch, and a plain shuffle has no people: set "
            "data.images_per_person (2, say), or remove data.mine_among"
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


def check_shallow(
    shallow: Shallow | None, mix: Mix | None, transforms: TorchvisionTransforms | None, loss: BatchNeeds | None
) -> None:
    """Refuse shallow people where the loss takes none, or lacks them, and where images are mixed or transformed.

    Raises:
        ValueError: naming the settings.
    """
    if shallow is not None and mix is not None:
        raise ValueError(
            "data.mix and data.shallow: mixing gives each image shares of two classes, and shallow people are no "
            "classes. Take one of them out"
        )
    if shallow is not None and transforms is not None:
        raise ValueError(
            "data.transforms and data.shallow: two views of one image would be transformed alike. Take data.transforms "
            "out, and use data.augment, which gives each view its own draw"
        )
    if loss is None or loss.takes_shallow == (shallow is not None):
        return
    name = type(loss).__name__
    if shallow is None:
        raise ValueError(
            f"model.loss={name} learns from people of few images, and data.shallow is not set: set it ({{below: 4}}), "
            "or train with the loss on deep people alone"
        )
    raise ValueError(
        f"data.shallow keeps people of fewer than {shallow.below} images out of the classifier, and model.loss={name} "
        "has no use for them: take DeepAndShallow with it for deep and SupCon for shallow, or remove data.shallow"
    )


def check_overfit(images_per_person: int | None, shallow: Shallow | None) -> list[str]:
    """See what becomes of batches whose images come in their order.

    Returns:
        A message if batches do not hold whole people, else none.

    Raises:
        ValueError: if batches need shallow people.
    """
    if shallow is not None:
        raise ValueError(
            "trainer.overfit_batches takes the images in their order, so data.shallow cannot put shallow people into "
            "each batch: take one of them out"
        )
    if images_per_person is None:
        return []
    return [
        "trainer.overfit_batches takes the images in their order: data.images_per_person has no effect, and a batch "
        "may show one person alone"
    ]


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
