"""torchvision's own transforms, with draws by address: (seed, epoch, image index) decides them, as in all augmentation.

Shapes: B batch, H height, W width.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import Transform

from facerec.transforms.randomness import Draws

WAY_OUT = (
    "A transform leaves type and size as they are: model.image_mean and model.image_std scale pixels, model.image_size "
    "is the size, and data.mix mixes images"
)
TRIED = 8  # draws before a training; a transform may act in some only


class TorchvisionTransforms:
    """Transforms of ``torchvision.transforms.v2`` one after another, on one image at a time.

    They draw from the global generators of torch, NumPy and Python. Each image seeds these from its address, and
    afterwards they are what they were. So an image comes out the same in any batch, worker, process or resumed run.

    Args:
        transforms: in their order. An image goes in as uint8 (3, H, W), and must come out so. In between, its size and
            type may be others.

    Example:
        >>> import torch
        >>> from torchvision.transforms import v2
        >>> transforms = TorchvisionTransforms([v2.RandomHorizontalFlip(p=0.5), v2.ColorJitter(brightness=0.3)])
        >>> images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
        >>> both = transforms(images, seed=0, epoch=4, indices_B=torch.tensor([7, 8]))
        >>> alone = transforms(images[1:], seed=0, epoch=4, indices_B=torch.tensor([8]))
        >>> both.dtype, torch.equal(both[1:], alone)
        (torch.uint8, True)
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = list(transforms)

    def __call__(self, images_BCHW: Tensor, seed: int, epoch: int, indices_B: Tensor) -> Tensor:
        """Transform a batch.

        Args:
            images_BCHW: uint8 images (B, 3, H, W) on the CPU. They are not changed.
            seed: seed of the run.
            epoch: current epoch.
            indices_B: index of each image in its source (B,), int64.

        Returns:
            uint8 images (B, 3, H, W).

        Raises:
            ValueError: naming the transform that fails, or that makes something else of an image.
        """
        transformed_BCHW = images_BCHW.clone()
        seeds = Draws(seed, epoch, indices_B).seeds("torchvision").tolist()
        with _borrowed_generators() as reseed:
            for image_CHW, own_seed in zip(transformed_BCHW, seeds, strict=True):
                reseed(own_seed)
                image_CHW.copy_(self._transformed(image_CHW))
        return transformed_BCHW

    def require_usable(self, size: tuple[int, int]) -> None:
        """Try the transforms on images of noise, so that a training refuses what it cannot use before it starts.

        Args:
            size: (height, width) of the training images.

        Raises:
            ValueError: as in a call.
        """
        generator = torch.Generator().manual_seed(0)
        noise_BCHW = torch.randint(0, 256, (TRIED, 3, *size), dtype=torch.uint8, generator=generator)
        self(noise_BCHW, seed=0, epoch=0, indices_B=torch.arange(TRIED))

    def _transformed(self, image_CHW: Tensor) -> Tensor:
        due = _form(image_CHW)
        changed, last_change = image_CHW, ""
        for place, transform in enumerate(self.transforms):
            name, before = f"data.transforms[{place}]={transform}", _form(changed)
            try:
                changed = transform(changed)
            except Exception as error:  # transforms raise anything
                raise ValueError(f"{name} fails on {before}: {str(error).rstrip('.')}. {WAY_OUT}") from error
            if _form(changed) != before:
                last_change = f"{name} turns {before} into {_form(changed)}"
        if _form(changed) != due:
            raise ValueError(f"{last_change}, and training takes {due}. {WAY_OUT}")
        return changed


def _form(image: object) -> str:
    """Type and shape of an image."""
    if not isinstance(image, Tensor):
        return f"a {type(image).__name__}"
    return f"{str(image.dtype).removeprefix('torch.')} {tuple(image.shape)}"


@contextmanager
def _borrowed_generators() -> Iterator[Callable[[int], None]]:
    """Give a function that seeds the global generators, and put them back at the end. Those of GPUs stay alone."""
    own_python, own_torch = random.getstate(), torch.get_rng_state()
    own_numpy = np.random.get_state()  # noqa: NPY002  # a transform of your own may draw from it

    def reseed(seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)

    try:
        yield reseed
    finally:
        random.setstate(own_python)
        np.random.set_state(own_numpy)  # noqa: NPY002
        torch.set_rng_state(own_torch)
