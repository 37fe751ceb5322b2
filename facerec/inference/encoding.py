"""Many images to embeddings: each once, in batches of one shape, decoded while the network runs."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from facerec.arrays import require_finite
from facerec.data.sources import Images
from facerec.inference.model import FaceModel
from facerec.threads import work_ahead
from facerec.transforms.preprocess import resize

BATCH_SIZE = 32
READERS = 4


class LeftOut(NamedTuple):
    """An image that cannot be used, and the reason."""

    name: str
    reason: str


class Encoded(NamedTuple):
    """Embeddings of the images of a source.

    Attributes:
        embeddings: float32 (N, D), not normalised; NaN in the rows of images that cannot be used.
        usable: whether each image can be used (N,).
        left_out: images that cannot be used.
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
    """Embed every image of a source once.

    All batches have one shape, and empty images fill the last one, because libraries prepare anew for each shape. Other
    threads decode and resize images, one batch ahead of the network.

    Args:
        model: model that embeds.
        source: source of the images.
        batch_size: images in a batch; a smaller source makes one smaller batch.
        description: label of the progress bar, which appears after a second.
        readers: number of decoding threads.

    Raises:
        ValueError: if the source is empty, none of its images can be used, or the model gives NaN or inf.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from PIL import Image
        >>> from facerec.backbones import ResNet
        >>> from facerec.inference import Embedder, encode
        >>> from facerec.inference.images import find_images
        >>> from facerec.losses import Triplet
        >>> from facerec.recognizer import FaceRecognizer
        >>> backbone = ResNet(18, embedding_dim=8, width=8)
        >>> embedder = Embedder(FaceRecognizer(backbone, Triplet(), torch.optim.SGD, image_size=(32, 32)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a.png", "b.png"):
        ...         Image.new("RGB", (40, 50)).save(f"{folder}/{name}")
        ...     encoded = encode(embedder, find_images([folder]))
        >>> encoded.embeddings.shape, encoded.usable.tolist(), encoded.left_out
        (torch.Size([2, 8]), [True, True], [])
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
        # A checkpoint is tried when it loads, an exported model only here.
        require_finite(
            "embeddings", made_BD, "The model is broken: use another", [source.name(place) for place in places]
        )
        if embeddings_ND is None:
            embeddings_ND = torch.full((len(source), made_BD.shape[1]), float("nan"))
        embeddings_ND[places] = made_BD
        usable_N[places] = True
    if embeddings_ND is None:
        raise ValueError(f"none of {len(source)} images could be used: {left_out[0].name}: {left_out[0].reason}")
    return Encoded(embeddings_ND, usable_N, left_out)


def _read_ahead(
    model: FaceModel, source: Images, batch_size: int, description: str, readers: int
) -> Iterator[tuple[int, list[Tensor | LeftOut]]]:
    """Batches with the place of their first image. The next batch is read meanwhile."""

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
