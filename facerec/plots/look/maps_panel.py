"""The panel of what each stage makes of one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from facerec.plots.look.panel import FONT, LINE, WIDTH, Heading, Missing, Panel, Subject, no_maps, show
from facerec.plots.look.stage_maps import stage_maps
from facerec.plots.look.tiles import from_lowest_to_highest, mosaic

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

SIDE = 4  # maps in a row and in a column, of each stage
COLUMNS = 6
NAME = "Feature maps"


@dataclass(frozen=True)
class StageMaps:
    """The maps of one image.

    Attributes:
        image: uint8 pixels (3, H, W).
        name: of the image.
        maps: of each stage (C, h, w).
    """

    image: Tensor
    name: str
    maps: dict[str, Tensor]

    @property
    def heading(self) -> Heading:
        """Which channels, and on which scale."""
        return Heading(
            f"{NAME} of {self.name}",
            f"The {SIDE * SIDE} channels of each stage that vary most, each on its own scale: black is its lowest "
            "value, white its highest.",
        )

    @property
    def height(self) -> float:
        """Height below the heading, in inches."""
        return -(-(1 + len(self.maps)) // COLUMNS) * (2.5 * LINE + WIDTH / COLUMNS)

    def draw(self, figure: FigureBase) -> None:
        """Draw the image and the maps of each stage that vary most."""
        grid = list(figure.subplots(-(-(1 + len(self.maps)) // COLUMNS), COLUMNS, squeeze=False).ravel())
        for axes in grid:
            axes.axis("off")
        height, width = self.image.shape[-2:]
        show(grid[0], self.image)
        grid[0].set_title(f"image\n{height}x{width}", fontsize=FONT)
        for axes, (name, maps_Chw) in zip(grid[1:], self.maps.items(), strict=False):
            channels, rows, columns = maps_Chw.shape
            order = maps_Chw.flatten(1).std(dim=1, unbiased=False).argsort(descending=True, stable=True)
            tiles = maps_Chw[order[: SIDE * SIDE], ..., None].expand(-1, -1, -1, 3).double().numpy()
            axes.imshow(mosaic(from_lowest_to_highest(tiles), SIDE), interpolation="nearest")
            axes.set_title(f"{name}\n{rows}x{columns}, {channels} channels", fontsize=FONT)


def maps_panel(subject: Subject) -> Panel:
    """The panel of the first image of the pair; a sentence in its place for a network without maps."""
    image_3HW = subject.pair[0]
    maps = stage_maps(subject.backbone, subject.prepared(image_3HW[None])[0])
    return StageMaps(image_3HW, subject.names[0], maps) if maps else Missing(NAME, no_maps(subject.network))
