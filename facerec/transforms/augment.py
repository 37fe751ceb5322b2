"""Augmentation, in training only: a new position, another light, a covered part.

All of it works on a whole batch, on its device. Each image has its own draw, addressed by (seed, epoch, image index):
see :mod:`facerec.transforms.randomness`. The CPU draws, and the device applies what is drawn.

Shapes: B batch, H height, W width.
"""

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from facerec.compilation import compiled
from facerec.transforms.degradation import Degradation
from facerec.transforms.geometry import Geometry
from facerec.transforms.light import Light
from facerec.transforms.rand_augment import RandAugment
from facerec.transforms.randomness import Draws, Numbers, sent

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

    Attributes:
        is_compiled: whether ``torch.compile`` translates ``transform``. The draws stay as they are. With
            ``rand_augment`` nothing is compiled: it groups images by operation, so each batch would be another graph.

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
        self.is_compiled = False

    @torch.no_grad()
    def forward(self, images_BCHW: Tensor, seed: int, epoch: int, indices_B: Tensor) -> Tensor:
        """Augment a batch.

        Args:
            images_BCHW: uint8 images (B, 3, H, W).
            seed: seed of the run.
            epoch: current epoch.
            indices_B: index of each image in the training source (B,), int64, on the CPU: see
                :class:`facerec.transforms.randomness.Draws`.

        Returns:
            Images (B, 3, H, W): uint8 if ``keeps_bytes``, else float32 in [0, 1].
        """
        draws, size = Draws(seed, epoch, indices_B, self.names), images_BCHW.shape[-2:]
        flips_alone = self.keeps_bytes and self.rand_augment is None
        compiles = self.is_compiled and self.rand_augment is None
        transform = compiled(Augment.transform) if compiles else Augment.transform
        if images_BCHW.device.type != "cpu" or flips_alone:
            return transform(self, images_BCHW, sent(self.draw(draws, *size), images_BCHW.device))
        augmented_BCHW = torch.empty(images_BCHW.shape, dtype=torch.uint8 if self.keeps_bytes else torch.float32)
        for start in range(0, len(images_BCHW), CPU_CHUNK):
            some = slice(start, start + CPU_CHUNK)
            transform(self, images_BCHW[some], self.draw(draws[some], *size), out=augmented_BCHW[some])
        return augmented_BCHW

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`draw` draws."""
        of_bytes = self.rand_augment.names if self.rand_augment is not None else ()
        return of_bytes + self.geometry.names + self.light.names + self.degradation.names

    def draw(self, draws: Draws, height: int, width: int) -> Numbers:
        """All numbers that :meth:`transform` needs for images of a size, by name, on the CPU."""
        of_bytes = self.rand_augment.draw(draws, height, width) if self.rand_augment is not None else {}
        moves, degradations = (part.draw(draws, height, width) for part in (self.geometry, self.degradation))
        return of_bytes | moves | self.light.draw(draws) | degradations

    @torch.no_grad()
    def transform(self, images_BCHW: Tensor, numbers: Numbers, out: Tensor | None = None) -> Tensor:
        """Change images as drawn. Nothing is drawn here, and nothing waits for the device: it compiles to one graph.

        Args:
            images_BCHW: uint8 images (B, 3, H, W).
            numbers: of :meth:`draw`, on the device of the images.
            out: images (B, 3, H, W) to write to, uint8 if ``keeps_bytes``, else float32; by default new ones.
        """
        if self.rand_augment is not None:
            images_BCHW = self.rand_augment(images_BCHW, numbers)
        if not self.geometry.interpolates:  # flips alone are cheaper on bytes
            images_BCHW = self.geometry(images_BCHW, numbers)
        if self.keeps_bytes:
            return images_BCHW if out is None else out.copy_(images_BCHW)
        out = torch.empty_like(images_BCHW, dtype=torch.float32) if out is None else out
        changed_BCHW = out.copy_(images_BCHW).div_(255.0)
        if self.geometry.interpolates:
            changed_BCHW = self.geometry(changed_BCHW, numbers)
        changed_BCHW = self.degradation(self.light(changed_BCHW, numbers), numbers)
        return torch.clamp(changed_BCHW, 0.0, 1.0, out=out)

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
