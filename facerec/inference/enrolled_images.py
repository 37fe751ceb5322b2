"""The images of a gallery, beside the means of its people.

Shapes: P people, N images, B faces, D embedding.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facerec.arrays import require_finite

IMAGE_ARRAYS = ("image_embeddings", "image_owners", "image_names")
"""What a file calls the three."""
SCORES_AT_ONCE = 25_000_000  # of faces with images: 100 MB


class EnrolledImages(NamedTuple):
    """The images of a gallery.

    Attributes:
        embeddings: normalised embedding of each (N, D), float32.
        owners: place of its person in the gallery's names (N,).
        names: what each is called.
    """

    embeddings: Tensor
    owners: NDArray[np.int64]
    names: list[str]


def checked_images(images: EnrolledImages, people: int, size: int) -> EnrolledImages:
    """The images, if each is one of the people's.

    Raises:
        ValueError: if not, or an embedding is none.
    """
    embeddings_ND, owners_N, names = images
    fits = embeddings_ND.shape == (len(names), size) and owners_N.shape == (len(names),)
    if not fits or not embeddings_ND.is_floating_point() or not np.issubdtype(owners_N.dtype, np.integer):
        raise ValueError(
            f"image embeddings {tuple(embeddings_ND.shape)} of {embeddings_ND.dtype}, owners {owners_N.shape} and "
            f"{len(names)} names: give one of each for each image"
        )
    if set(owners_N.tolist()) != set(range(people)):
        raise ValueError(f"the images are of other people than the {people} of the gallery")
    require_finite("embeddings", embeddings_ND, "Enroll the people again", names)
    return EnrolledImages(embeddings_ND.float(), owners_N.astype(np.int64), names)


def joined_images(first: EnrolledImages, second: EnrolledImages, places: Sequence[int]) -> EnrolledImages:
    """The images of two galleries.

    Args:
        first: images whose owners keep their places.
        second: images of the others.
        places: new place of each person of the second.
    """
    return EnrolledImages(
        torch.cat([first.embeddings, second.embeddings]),
        np.concatenate([first.owners, np.array(places, dtype=np.int64)[second.owners]]),
        [*first.names, *second.names],
    )


def nearest_people(images: EnrolledImages, unit_BD: Tensor, people: int, neighbours: int) -> tuple[Tensor, Tensor]:
    """Score of the nearest image of the nearest people, and the places of these people (B, neighbours).

    Args:
        images: of all people.
        unit_BD: normalised embeddings of the faces.
        people: number of people.
        neighbours: number of people to find for each face.

    Example:
        >>> images = EnrolledImages(torch.eye(2), np.array([0, 0]), ["a.png", "b.png"])
        >>> nearest_people(images, torch.tensor([[0.6, 0.8]]), people=1, neighbours=1)[0]
        tensor([[0.8000]])
    """
    owners_N = torch.from_numpy(images.owners)
    found = []
    for part in torch.split(unit_BD, max(1, SCORES_AT_ONCE // len(owners_N))):
        best_BP = torch.full((len(part), people), -np.inf)
        best_BP.scatter_reduce_(1, owners_N.expand(len(part), -1), part @ images.embeddings.T, "amax")
        found.append(best_BP.topk(neighbours))
    return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])
