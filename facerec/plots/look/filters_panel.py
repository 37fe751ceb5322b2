"""The panel of the first filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from facerec.plots.look.first_filters import first_filters
from facerec.plots.look.panel import WIDTH, Heading, Missing, Panel, Subject, are_grey
from facerec.plots.look.tiles import around_grey, mosaic

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

MOST = 64  # filters that are drawn
COLUMNS = 16
NAME = "First filters"


@dataclass(frozen=True)
class Filters:
    """Filters of the first convolution.

    Attributes:
        filters: (O, 3, k, k), all of them, strongest first.
        is_grey: whether the images have no colours, so that the sum over the colours is what a filter does to them.
    """

    filters: Tensor
    is_grey: bool

    @property
    def heading(self) -> Heading:
        """How many, how large, and in which colours."""
        count, _, height, width = self.filters.shape
        which = f"n = {count}" if count <= MOST else f"the {MOST} strongest of {count}"
        colours = "Summed over the colours, as the images are grey" if self.is_grey else "In the colours of the image"
        return Heading(
            f"{NAME}: {which}, {height}x{width} pixels",
            f"{colours}. Strongest first, each on its own scale: middle grey is 0, and lighter is positive.",
        )

    @property
    def height(self) -> float:
        """Height below the heading, in inches."""
        return -(-min(len(self.filters), MOST) // COLUMNS) * WIDTH / COLUMNS

    def draw(self, figure: FigureBase) -> None:
        """Draw the strongest filters."""
        drawn = self.filters[:MOST].double()
        if self.is_grey:
            drawn = drawn.sum(1, keepdim=True).expand(-1, 3, -1, -1)
        axes = figure.subplots()
        axes.imshow(mosaic(around_grey(drawn.permute(0, 2, 3, 1).numpy()), COLUMNS), interpolation="nearest")
        axes.axis("off")


def filters_panel(subject: Subject) -> Panel:
    """The panel of a network; a sentence in its place if the first convolution sees no image."""
    filters = first_filters(subject.backbone, subject.image_size)
    if filters is None:
        return Missing(NAME, "the first convolution does not see the three colours of the image.")
    return Filters(filters, are_grey(subject.pair))
