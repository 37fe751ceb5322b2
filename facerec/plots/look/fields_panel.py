"""The panel of receptive fields: what a unit of each stage can see, and what it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facerec.plots.look.effective_field import (
    LEAST_SHARE,
    centre_unit,
    effective_centre,
    effective_side,
    gradient_fields,
    stays_inside,
)
from facerec.plots.look.panel import FONT, LINE, WIDTH, Heading, Missing, Panel, Subject, no_maps
from facerec.plots.look.receptive_field import Field, receptive_fields
from facerec.plots.look.stage_maps import stage_maps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

COLUMNS = 5
NAME = "Receptive fields"


@dataclass(frozen=True)
class StageField:
    """The field of the unit in the centre of a stage's map.

    Attributes:
        stage: name of the stage.
        unit: row and column of the unit.
        field: what it can see; None if the arithmetic does not follow the stage.
        gradient: what it uses, the gradient by each pixel (H, W).
    """

    stage: str
    unit: tuple[int, int]
    field: Field | None
    gradient: Tensor

    @property
    def told(self) -> str:
        """Both sizes, in words."""
        uses = f"uses {effective_side(self.gradient):.0f} px"
        if self.field is None:
            return f"no theoretical size, {uses}"
        rows, columns = self.field.rows.size, self.field.columns.size
        sees = f"sees {rows} px" if rows == columns else f"sees {rows}x{columns} px"
        return f"{sees}{'*' if self.field.sees_all else ''}, {uses}"


@dataclass(frozen=True)
class Fields:
    """The fields of all stages, over a number of images."""

    stages: list[StageField]
    images: int

    @property
    def heading(self) -> Heading:
        """How to read the panel."""
        height, width = self.stages[0].gradient.shape
        fields = [stage.field for stage in self.stages if stage.field]
        notes = ""
        if any(field.rows.size > height or field.columns.size > width for field in fields):
            notes += " What lies outside the image is not drawn."
        if any(field.sees_all for field in fields):
            notes += " *Gates see the whole image as well."
        return Heading(
            f"{NAME} of the unit in the centre of each stage, in an image of {height}x{width} pixels (px)",
            f"Grey: gradient of the unit by each pixel, mean of n = {self.images} images, square root of its share of "
            "the peak. Dashed: what the unit can see, by the arithmetic of the layers. Solid: what it uses, a square "
            f"of as many pixels as have over {LEAST_SHARE:.2%} of the peak." + notes,
        )

    @property
    def height(self) -> float:
        """Height below the heading, in inches."""
        return -(-len(self.stages) // COLUMNS) * (3.0 * LINE + WIDTH / COLUMNS)

    def draw(self, figure: FigureBase) -> None:
        """Draw a map for each stage, over the pixels of the image."""
        grid = list(figure.subplots(-(-len(self.stages) // COLUMNS), COLUMNS, squeeze=False).ravel())
        for axes, stage in zip(grid, self.stages, strict=False):
            _draw(axes, stage)
        for axes in grid[len(self.stages) :]:
            axes.axis("off")


def _draw(axes: Axes, stage: StageField) -> None:
    from matplotlib.patches import Rectangle

    height, width = stage.gradient.shape
    shares_HW = (stage.gradient / stage.gradient.max().clamp(min=torch.finfo(torch.float64).tiny)).numpy()
    axes.imshow(shares_HW**0.5, cmap="Greys", vmin=0.0, vmax=1.0, interpolation="nearest")
    side, (row, column) = effective_side(stage.gradient), effective_centre(stage.gradient)
    axes.add_patch(
        Rectangle((column - side / 2, row - side / 2), side, side, fill=False, linewidth=1.2, edgecolor="C1")
    )
    if stage.field is not None:
        (top, bottom), (left, right) = (
            span.of_unit(unit) for span, unit in zip((stage.field.rows, stage.field.columns), stage.unit, strict=True)
        )
        corner, size = (left - 0.5, top - 0.5), (right - left + 1, bottom - top + 1)
        axes.add_patch(Rectangle(corner, *size, fill=False, linestyle="--", linewidth=1.2, edgecolor="C0"))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_title(f"{stage.stage}\n{stage.told}", fontsize=FONT)
    axes.tick_params(labelsize=6)
    axes.locator_params(nbins=4, integer=True)


def fields_panel(subject: Subject) -> Panel:
    """The panel of a network; a sentence in its place for a network without maps."""
    images = subject.prepared(torch.cat([subject.pair, subject.more]))
    gradients = gradient_fields(subject.backbone, images)
    if not gradients:
        return Missing(NAME, no_maps(subject.network))
    fields = receptive_fields(subject.backbone, subject.image_size)
    maps = stage_maps(subject.backbone, images[0])
    stages = []
    for name, gradient_HW in gradients.items():
        unit, field = centre_unit(maps[name].shape), fields[name]
        is_followed = field is not None and stays_inside(gradient_HW, field, unit)
        stages.append(StageField(name, unit, field if is_followed else None, gradient_HW))
    return Fields(stages, len(images))
