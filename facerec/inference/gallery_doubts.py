"""What makes a gallery mislead: one photograph twice, and people whom a threshold does not keep apart.

Shapes: N rows (images or people), D embedding.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from tqdm import tqdm

from facerec.inference.gallery import Gallery

COPY = 1e-5  # by which the cosine of the same pixels may fall short of 1: rounding of float32
MOST_ROWS = 50_000  # a minute on one core
MOST_FOUND = 100_000  # pairs: of a network that gives one embedding to all images
ROWS_AT_ONCE = 512
NAMED = 3


def gallery_doubts(gallery: Gallery, threshold: float | None) -> list[str]:
    """Messages about images that come twice and people who are alike, none if all is well.

    Args:
        gallery: people, with their images if copies are to be found.
        threshold: cosine from which on two images count as one person; None to compare no people.

    Example:
        >>> import numpy as np
        >>> images, names = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), ["a.png", "b.png", "c.png"]
        >>> gallery = Gallery.enroll(images, np.array([0, 0, 1]), ["ada", "ben"], "of the model", image_names=names)
        >>> for message in gallery_doubts(gallery, threshold=0.6):
        ...     print(message)
        1 image is there under two names: a.png (ada) and c.png (ben). Remove it from the wrong person
        1 of 1 pairs of people score 0.6000 or more, such as ada and ben (0.7071): the threshold takes one for the ...
    """
    return [*_copies(gallery), *_alike(gallery, threshold)]


def _copies(gallery: Gallery) -> list[str]:
    images = gallery.images
    if images is None:
        return []
    if len(images.names) > MOST_ROWS:
        return [f"{len(images.names):,} images are too many to look for copies: more than {MOST_ROWS:,}"]
    called = [
        f"{name} ({gallery.names[owner]})" for name, owner in zip(images.names, images.owners.tolist(), strict=True)
    ]
    found = list(_above(images.embeddings, 1.0 - COPY, "looking for copies"))
    inside = [(one, two) for one, two, _ in found if images.owners[one] == images.owners[two]]
    across = [(one, two) for one, two, _ in found if images.owners[one] != images.owners[two]]
    messages = []
    if inside:
        messages.append(
            f"{_images(len({two for _, two in inside}))} there twice: {_some(called, inside)}. It counts twice in the "
            "mean: remove one"
        )
    if across:
        messages.append(
            f"{_images(len({two for _, two in across}))} there under two names: {_some(called, across)}. Remove it "
            "from the wrong person"
        )
    return messages


def _alike(gallery: Gallery, threshold: float | None) -> list[str]:
    if threshold is None or len(gallery) < 2:
        return []
    if len(gallery) > MOST_ROWS:
        return [f"{len(gallery):,} people are too many to compare with each other: more than {MOST_ROWS:,}"]
    found = sorted(_above(gallery.templates_PD, threshold, "comparing people"), key=lambda pair: -pair[2])
    if not found:
        return []
    such = ", ".join(
        f"{gallery.names[one]} and {gallery.names[two]} ({score:.4f})" for one, two, score in found[:NAMED]
    )
    return [
        f"{len(found):,} of {len(gallery) * (len(gallery) - 1) // 2:,} pairs of people score {threshold:.4f} or more, "
        f"such as {such}: the threshold takes one for the other. They may be one person under two names"
    ]


def _above(rows_ND: Tensor, least: float, description: str) -> Iterator[tuple[int, int, float]]:
    """Places of two rows, in rising order, and their cosine, if that is high enough."""
    blocks, left = range(0, len(rows_ND), ROWS_AT_ONCE), MOST_FOUND
    for start in tqdm(blocks, desc=description, unit="block", delay=2, leave=False):
        scores = rows_ND[start : start + ROWS_AT_ONCE] @ rows_ND[start:].T
        high = torch.nonzero(torch.triu(scores >= least, diagonal=1))
        for one, two in high[:left].tolist():
            yield start + one, start + two, float(scores[one, two])
        left -= min(left, len(high))


def _images(count: int) -> str:
    return f"{count:,} image is" if count == 1 else f"{count:,} images are"


def _some(called: list[str], pairs: list[tuple[int, int]]) -> str:
    return ", ".join(f"{called[one]} and {called[two]}" for one, two in pairs[:NAMED])
