"""Smaller images at the beginning of a training: cheaper steps first, the size of the evaluation last.

Known as progressive resizing. The last part of the training is at the size of the evaluation, as networks score worse
at another size than they were trained at (Touvron et al., NeurIPS 2019, section 3).
"""

from dataclasses import dataclass, replace

import torch

from facerec.backbones.base import Backbone
from facerec.backbones.cost import evaluating
from facerec.backbones.head import EmbeddingLayers
from facerec.settings import require_positive, require_within


@dataclass(frozen=True)
class SmallImages:
    """The size of the training images at the beginning, and how long it holds.

    A head that is made for maps of one size gets those of smaller images enlarged to it, bilinearly.

    Args:
        size: largest (height, width) in pixels. It changes nothing where ``model.image_size`` is not larger.
        until: share of the steps in which it holds, in (0, 1). After them images have the full size.

    Raises:
        ValueError: if a setting is outside its range.

    Example:
        >>> small = SmallImages(size=(64, 64), until=0.5)
        >>> small.holds_at(step=49, total_steps=100), small.holds_at(step=50, total_steps=100)
        (True, False)
        >>> small.within((112, 48)), small.within((64, 48))
        (SmallImages(size=(64, 48), until=0.5), None)
    """

    size: tuple[int, int] = (64, 64)
    until: float = 0.5

    def __post_init__(self) -> None:
        require_positive("model.small_images.", size=min(self.size))
        require_within("model.small_images.", 0.0, 1.0, low_excluded=True, high_excluded=True, until=self.until)

    def holds_at(self, step: int, total_steps: int) -> bool:
        """Whether the images of a step, from 0, are small."""
        return step < self.until * total_steps

    def within(self, image_size: tuple[int, int]) -> "SmallImages | None":
        """The same where the images of the evaluation have a size; None where they are not larger."""
        size = min(self.size[0], image_size[0]), min(self.size[1], image_size[1])
        return None if size == image_size else replace(self, size=size)

    def prepare(self, backbone: Backbone) -> None:
        """Let a backbone, built for the size of the evaluation, take the small images too.

        Raises:
            ValueError: if the backbone takes no images of their size.
        """
        height, width = self.size
        for layers in backbone.modules():
            if isinstance(layers, EmbeddingLayers):
                layers.resizes_maps = True
        weight = next(backbone.parameters())
        try:
            with torch.no_grad(), evaluating(backbone):
                backbone(weight.new_zeros(1, 3, height, width))
        except (ValueError, RuntimeError, AssertionError) as error:
            raise ValueError(
                f"model.small_images.size={[height, width]}: {type(backbone).__name__} takes no images of this size "
                f"({error}). Give a larger one, or --model.small_images null to train at model.image_size throughout"
            ) from error
