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
from facerec.machine.hardware import memory_of_gpu
from facerec.threads import work_ahead
from facerec.transforms.preprocess import resize

BATCH_SIZE = 32
LARGEST_BATCH = 256
READERS = 4
CPU = torch.device("cpu")
BYTES_OF_A_PIXEL = 2048  # that a network holds in passing: eight float32 maps of 64 channels
SHARE_OF_MEMORY = 1 / 8  # of a GPU, for one batch
BATCHES_ON_DEVICE = 64  # whose embeddings stay on a GPU until they are copied together


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
    batch_size: int | None = None,
    description: str = "encoding",
    readers: int = READERS,
) -> Encoded:
    """Embed every image of a source once.

    All batches have one shape, and empty images fill the last one, because libraries prepare anew for each shape. Other
    threads decode and resize images, one batch ahead of the network.

    Args:
        model: model that embeds.
        source: source of the images.
        batch_size: images in a batch; a smaller source makes one smaller batch. By default 32, and on a GPU up to 256
            by its memory.
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
    device = getattr(model, "device", CPU)
    batch_size = batch_size_on(device, model.image_size) if batch_size is None else batch_size
    if not len(source) or batch_size < 1:
        raise ValueError(f"{len(source)} images in batches of {batch_size}: nothing to embed")
    batch_size = min(batch_size, len(source))
    left_out: list[LeftOut] = []
    rows = _Rows(source, 1 if device.type == "cpu" else BATCHES_ON_DEVICE)
    for start, batch in _read_ahead(model, source, batch_size, description, readers):
        left_out += [image for image in batch if isinstance(image, LeftOut)]
        places = [start + offset for offset, image in enumerate(batch) if isinstance(image, Tensor)]
        if not places:
            continue
        pixels_BCHW = torch.zeros(batch_size, 3, *model.image_size, dtype=torch.uint8, pin_memory=device.type == "cuda")
        torch.stack([image for image in batch if isinstance(image, Tensor)], out=pixels_BCHW[: len(places)])
        rows.add(places, model(pixels_BCHW)[: len(places)])
    rows.take()
    if rows.embeddings_ND is None:
        raise ValueError(f"none of {len(source)} images could be used: {left_out[0].name}: {left_out[0].reason}")
    return Encoded(rows.embeddings_ND, rows.usable_N, left_out)


def batch_size_on(device: torch.device, image_size: tuple[int, int], memory: int | None = None) -> int:
    """Images in a batch that a device embeds well: 32 on a CPU, a power of 2 up to 256 by the memory of a GPU.

    Args:
        device: of the network.
        image_size: (height, width) of its images.
        memory: bytes of the device; by default those of the GPU at hand.

    Example:
        >>> import torch
        >>> gpu, size = torch.device("cuda"), (112, 112)
        >>> batch_size_on(torch.device("cpu"), size), [batch_size_on(gpu, size, gib * 2**30) for gib in (4, 16, 80)]
        (32, [32, 64, 256])
    """
    memory = memory_of_gpu(device) if memory is None else memory
    if memory is None:
        return BATCH_SIZE
    fitting = int(SHARE_OF_MEMORY * memory / (BYTES_OF_A_PIXEL * image_size[0] * image_size[1]))
    return min(max(1 << fitting.bit_length() >> 1, BATCH_SIZE), LARGEST_BATCH)


class _Rows:
    """Embeddings on their way from a device to their places. A GPU goes on while some batches stay on it."""

    def __init__(self, source: Images, batches: int) -> None:
        self.source, self.batches = source, batches
        self.usable_N = np.zeros(len(source), dtype=np.bool_)
        self.embeddings_ND: Tensor | None = None
        self._places: list[int] = []
        self._made: list[Tensor] = []

    def add(self, places: list[int], made_BD: Tensor) -> None:
        """Add the embeddings of some images (B, D).

        Raises:
            ValueError: if some that were added are NaN or inf, naming the image.
        """
        self._places += places
        self._made.append(made_BD)
        if len(self._made) >= self.batches:
            self.take()

    def take(self) -> None:
        """Put all that was added into its places."""
        if not self._made:
            return
        made_BD, places = torch.cat(self._made).cpu(), self._places
        # A checkpoint is tried when it loads, an exported model only here.
        names = [self.source.name(place) for place in places]
        require_finite("embeddings", made_BD, "The model is broken: use another", names)
        if self.embeddings_ND is None:
            self.embeddings_ND = torch.full((len(self.source), made_BD.shape[1]), float("nan"))
        self.embeddings_ND[places] = made_BD
        self.usable_N[places] = True
        self._places, self._made = [], []


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
