"""What is looked at, and what a part of the figure can do.

Shapes: N images, H, W height and width of an image.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from facerec.backbones import Backbone
from facerec.plots.people import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

WIDTH = 9.0  # inches of the figure
FONT = 8
LINE = 0.145  # inches of a line of text
LONGEST = 150  # characters of a line across the figure


@dataclass(frozen=True)
class Heading:
    """What stands above a panel: what it shows, and how to read it."""

    text: str
    explained: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines, none wider than the figure."""
        return [self.text, *textwrap.wrap(self.explained, LONGEST)]

    @property
    def height(self) -> float:
        """Height in inches."""
        return LINE * (len(self.lines) + 1)

    def write(self, figure: FigureBase) -> None:
        """Write it above a part of the figure."""
        figure.suptitle("\n".join(self.lines), fontsize=FONT, x=0.01, ha="left")


@dataclass(frozen=True)
class Subject:
    """A network, and the images that it is shown.

    Attributes:
        network: the network.
        pair: uint8 pixels of two images (2, 3, H, W), in the network's size.
        names: of both images.
        is_genuine: whether they show one person; None if unknown.
        more: uint8 pixels of further images (N, 3, H, W), in that size, for what is a mean over images.
        square: side in pixels of the square that covers a part of an image.
        batch_size: images in a pass without gradients.
    """

    network: Network
    pair: Tensor
    names: tuple[str, str]
    is_genuine: bool | None
    more: Tensor
    square: int
    batch_size: int = 32

    @property
    def backbone(self) -> Backbone:
        """The backbone, as it is in use."""
        return self.network.embedder.recognizer.backbone

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of the images."""
        return self.network.embedder.image_size

    def embed(self, images_BCHW: Tensor) -> Tensor:
        """Embeddings (B, D) for scores, of uint8 pixels on any device."""
        recognizer = self.network.embedder.recognizer
        return recognizer.embed(images_BCHW.to(recognizer.device))

    def prepared(self, images_BCHW: Tensor) -> Tensor:
        """Uint8 pixels as the backbone takes them."""
        recognizer = self.network.embedder.recognizer
        prepared_BCHW: Tensor = recognizer.preprocess(images_BCHW.to(recognizer.device))
        return prepared_BCHW.contiguous(memory_format=recognizer.memory_format)


class Panel(Protocol):
    """A part of the figure.

    Attributes:
        heading: above it.
        height: of what is below the heading, in inches, where the figure is 9 inches wide.
    """

    @property
    def heading(self) -> Heading:
        """Stands above it."""

    @property
    def height(self) -> float:
        """Height below the heading, in inches."""

    def draw(self, figure: FigureBase) -> None:
        """Draw what is below the heading into a part of the figure."""


@dataclass(frozen=True)
class Missing:
    """A panel that cannot be drawn, and why."""

    name: str
    reason: str
    height = 0.1

    @property
    def heading(self) -> Heading:
        """Name and reason."""
        return Heading(self.name, f"Not drawn: {self.reason}")

    def draw(self, figure: FigureBase) -> None:
        """Draw nothing."""


def show(axes: Axes, image_3HW: Tensor) -> None:
    """Draw an image in its colours, without ticks."""
    axes.imshow(image_3HW.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def are_grey(images_N3HW: Tensor) -> bool:
    """Whether no image has colours."""
    return bool((images_N3HW == images_N3HW[:, :1]).all())


def no_maps(network: Network) -> str:
    """Why a network has no maps."""
    backbone = network.embedder.recognizer.backbone
    name = getattr(getattr(backbone, "network", None), "default_cfg", {}).get("architecture", type(backbone).__name__)
    return (
        f"{name} has no stage that puts out maps (channels, height, width). "
        "Transformers work on a list of patches, each of which can see the whole image."
    )
