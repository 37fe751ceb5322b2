"""Augmentation, in training only: a new position, another light, a covered part.

All of it works on a whole batch, on its device. Each image has its own draw, addressed by (seed, epoch, image index):
see :mod:`facerec.transforms.randomness`.

Shapes: B batch, H height, W width.
"""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from facerec.transforms.degradation import Degradation
from facerec.transforms.geometry import Geometry
from facerec.transforms.light import Light
from facerec.transforms.rand_augment import RandAugment
from facerec.transforms.randomness import Draws

CPU_CHUNK = 32  # images whose intermediate results stay in the cache; the result is the same, as each has its own draw


class Augment(nn.Module):
    """Random geometry, lighting and occlusion, image by image.

    Args:
        horizontal_flip: probability of a mirror image. Faces are nearly symmetric.
        vertical_flip: probability of an image upside down. Off by default: no test image is upside down, and learning
            such faces costs capacity.
        rotation: largest rotation, degrees.
        scale: smallest and largest zoom; 1 keeps the size.
        stretch: largest relative change of the ratio of width to height.
        translate: largest shift, as a share of the side.
        perspective: largest shift of a corner of the view into the image, as a share of half the side; below 1.
        resized_crop: smallest and largest share of the area kept by a random rectangle, which then fills the image. On
            aligned faces it undoes the alignment: 0.8 is much.
        resized_crop_ratio: smallest and largest ratio of width to height of that rectangle, relative to the image's.
        brightness: largest relative change of brightness.
        contrast: largest relative change of contrast, about the mean of the image.
        gamma: largest change of log2 of the gamma exponent.
        saturation: largest relative change of saturation (none on a grey image).
        hue: largest change of hue, as a share of the circle of colours, up to 0.5. Skin soon turns green.
        light_gradient: largest relative brightness added on one side of the face and taken from the other.
        grayscale: probability of a grey image.
        blur: probability of a Gaussian blur (3x3 to 7x7, sigma 0.3 to 1.5 pixels).
        noise: largest standard deviation of Gaussian noise, in [0, 1] pixel units.
        erasing: probability of a grey rectangle over 2 to 20 % of the image (Zhong et al., AAAI 2020).
        rand_augment: operations drawn from a list for each image, before all others; None for none.

    Raises:
        ValueError: for a probability outside [0, 1], a negative strength, or an interval out of order.

    Example:
        The draw depends on seed, epoch and index alone, so the second image alone comes out the same.

        >>> import torch
        >>> images = torch.full((2, 3, 112, 112), 128, dtype=torch.uint8)
        >>> augment = Augment(rotation=10.0, brightness=0.3)
        >>> out = augment(images, seed=0, epoch=0, indices_B=torch.tensor([0, 1]))
        >>> out.shape, out.dtype
        (torch.Size([2, 3, 112, 112]), torch.float32)
        >>> alone = augment(images[1:], seed=0, epoch=0, indices_B=torch.tensor([1]))
        >>> torch.allclose(alone, out[1:], atol=1e-5)
        True
    """

    def __init__(
        self,
        horizontal_flip: float = 0.5,
        vertical_flip: float = 0.0,
        rotation: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        stretch: float = 0.0,
        translate: float = 0.0,
        perspective: float = 0.0,
        resized_crop: tuple[float, float] = (1.0, 1.0),
        resized_crop_ratio: tuple[float, float] = (3 / 4, 4 / 3),
        brightness: float = 0.0,
        contrast: float = 0.0,
        gamma: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        light_gradient: float = 0.0,
        grayscale: float = 0.0,
        blur: float = 0.0,
        noise: float = 0.0,
        erasing: float = 0.0,
        rand_augment: RandAugment | None = None,
    ) -> None:
        super().__init__()
        self.geometry = Geometry(
            horizontal_flip,
            vertical_flip,
            rotation,
            (float(scale[0]), float(scale[1])),
            stretch,
            translate,
            perspective,
            (float(resized_crop[0]), float(resized_crop[1])),
            (float(resized_crop_ratio[0]), float(resized_crop_ratio[1])),
        )
        self.light = Light(brightness, contrast, gamma, saturation, hue, light_gradient, grayscale)
        self.degradation = Degradation(blur, noise, erasing)
        self.rand_augment = rand_augment

    @torch.no_grad()
    def forward(self, images_BCHW: Tensor, seed: int, epoch: int, indices_B: Tensor) -> Tensor:
        """Augment a batch.

        Args:
            images_BCHW: uint8 images (B, 3, H, W).
            seed: seed of the run.
            epoch: current epoch.
            indices_B: index of each image in the training source (B,), int64, on the device of the images.

        Returns:
            Images (B, 3, H, W): uint8 if ``keeps_bytes``, else float32 in [0, 1].
        """
        if self.keeps_bytes:
            return self._on_bytes(images_BCHW, Draws(seed, epoch, indices_B))
        size = CPU_CHUNK if images_BCHW.device.type == "cpu" else max(len(images_BCHW), 1)
        augmented_BCHW = torch.empty(images_BCHW.shape, dtype=torch.float32, device=images_BCHW.device)
        for images, indices, augmented in zip(
            torch.split(images_BCHW, size), torch.split(indices_B, size), torch.split(augmented_BCHW, size), strict=True
        ):
            draws = Draws(seed, epoch, indices)
            changed = augmented.copy_(self._on_bytes(images, draws)).div_(255.0)
            if self.geometry.interpolates:
                changed = self.geometry(changed, draws)
            changed = self.degradation(self.light(changed, draws), draws)
            torch.clamp(changed, 0.0, 1.0, out=augmented)
        return augmented_BCHW

    def _on_bytes(self, images_BCHW: Tensor, draws: Draws) -> Tensor:
        """Apply all that works on uint8 images. Flips without interpolation are cheaper there."""
        if self.rand_augment is not None:
            images_BCHW = self.rand_augment(images_BCHW, draws)
        return images_BCHW if self.geometry.interpolates else self.geometry(images_BCHW, draws)

    @property
    def keeps_bytes(self) -> bool:
        """Whether the pixels stay uint8: only flips and ``rand_augment`` are on."""
        return not (self.geometry.interpolates or self.light.acts or self.degradation.acts)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name."""
        parts = asdict(self.geometry) | asdict(self.light) | asdict(self.degradation)
        return parts | {"rand_augment": self.rand_augment}

    def each_alone(self) -> dict[str, "Augment"]:
        """For each setting that is on, an augmentation with this setting alone and the same draws."""
        off = Augment(horizontal_flip=0.0).settings
        ratio = {"resized_crop_ratio": self.geometry.resized_crop_ratio}
        return {
            name: Augment(**off | ratio | {name: value})
            for name, value in self.settings.items()
            if value != off[name] and name not in ratio
        }
