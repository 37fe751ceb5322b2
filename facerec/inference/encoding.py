"""Many images to embeddings: each once, in batches of one shape, read while the network runs."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.data.sources import Images
from facerec.inference.model import FaceModel
from facerec.threads import work_ahead
from facerec.transforms.preprocess import resize

BATCH_SIZE = 32
READERS = 4


class LeftOut(NamedTuple):
    """An image that could not be used, and why."""

    name: str
    reason: str


class Encoded(NamedTuple):
    """Embeddings of the images of a source.

    Attributes:
        embeddings: float32 (N, D), not normalised; NaN in the rows of images that could not be used.
        usable: which images those are not (N,).
        left_out: the images that could not be used.
    """

    embeddings: Tensor
    usable: NDArray[np.bool_]
    left_out: list[LeftOut]


def encode(
    model: FaceModel,
    source: Images,
    batch_size: int = BATCH_SIZE,
    description: str = "encoding",
    readers: int = READERS,
) -> Encoded:
    """Embed every image of a source, once.

    All batches have one shape, the last one filled up with empty images, so that what libraries choose for a shape is
    chosen once. Images are decoded and resized by other threads, a batch ahead of the network.

    Args:
        model: what embeds.
        source: of the images.
        batch_size: images of a batch; no more than there are images.
        description: of the progress bar, which shows after a second.
        readers: threads that decode.

    Raises:
        ValueError: if the source is empty, not one of its images can be used, or the model gives what is no number.
    """
    if not len(source) or batch_size < 1:
        raise ValueError(f"{len(source)} images in batches of {batch_size}: nothing to embed")
    batch_size = min(batch_size, len(source))
    usable_N = np.zeros(len(source), dtype=np.bool_)
    left_out: list[LeftOut] = []
    embeddings_ND: Tensor | None = None
    for start, batch in _read_ahead(model, source, batch_size, description, readers):
        left_out += [image for image in batch if isinstance(image, LeftOut)]
        places = [start + offset for offset, image in enumerate(batch) if isinstance(image, Tensor)]
        if not places:
            continue
        pixels_BCHW = torch.zeros(batch_size, 3, *model.image_size, dtype=torch.uint8)
        torch.stack([image for image in batch if isinstance(image, Tensor)], out=pixels_BCHW[: len(places)])
        made_BD = model(pixels_BCHW)[: len(places)].cpu()
        _check_finite(made_BD, [source.name(place) for place in places])
        if embeddings_ND is None:
            embeddings_ND = torch.full((len(source), made_BD.shape[1]), float("nan"))
        embeddings_ND[places] = made_BD
        usable_N[places] = True
    if embeddings_ND is None:
        raise ValueError(f"none of {len(source)} images could be used: {left_out[0].name}: {left_out[0].reason}")
    return Encoded(embeddings_ND, usable_N, left_out)


def _check_finite(made_BD: Tensor, names: Sequence[str]) -> None:
    """See that a model gave numbers; a checkpoint is looked at when it is loaded, an exported model only here."""
    broken = torch.nonzero(~made_BD.isfinite().all(dim=1))[:, 0].tolist()
    if broken:
        raise ValueError(f"the model gives embeddings that are not finite, the first for {names[broken[0]]}")


def _read_ahead(
    model: FaceModel, source: Images, batch_size: int, description: str, readers: int
) -> Iterator[tuple[int, list[Tensor | LeftOut]]]:
    """Batches with the place of their first image, the next one being read meanwhile."""

    def read(index: int) -> Tensor | LeftOut:
        try:
            return resize(source.read(index)[None], model.image_size)[0]
        except (ValueError, FileNotFoundError) as error:
            return LeftOut(source.name(index), str(error))

    images = work_ahead(read, range(len(source)), readers, ahead=batch_size)
    with tqdm(total=len(source), desc=description, unit="image", delay=1, leave=False) as progress:
        for start in range(0, len(source), batch_size):
            batch = list(islice(images, batch_size))
            yield start, batch
            progress.update(len(batch))
