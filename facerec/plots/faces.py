"""Photographs with the faces and points that a detector found, and each face before and after alignment.

Shapes: H, W height and width of a photograph, h, w those of an aligned face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facerec.reports.curves import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Floats = NDArray[np.float64]

POINTS = {"left eye": "o", "right eye": "s", "nose": "^", "left mouth corner": "<", "right mouth corner": ">"}
MOST_FACES = 8  # of a photograph that are drawn before and after alignment
WIDTH, ROW = 9.0, 3.5  # inches of the figure, and of the row of a photograph
MARGIN = 1.4  # side of the cut-out before alignment, in sides of the box
FONT = 8
OFF = "off by: root mean square distance of the five points from those of the template"


@dataclass(frozen=True)
class AlignedFace:
    """A face that was found.

    Attributes:
        box_4: left, top, right, bottom in pixels.
        score: of the detector.
        points_52: five points (x, y) in pixels of the photograph, in the order of ``POINTS``.
        aligned_3hw: uint8 pixels of the aligned face; None if its points allow no alignment.
        moved_52: where the points are in it.
    """

    box_4: Floats
    score: float
    points_52: Floats
    aligned_3hw: Tensor | None
    moved_52: Floats


@dataclass(frozen=True)
class Photograph:
    """A photograph and its faces.

    Attributes:
        name: of the file.
        image: uint8 pixels (3, H, W).
        faces: by falling score.
        taken: index of the face that ``facerec align`` takes; None without a face.
    """

    name: str
    image: Tensor
    faces: list[AlignedFace]
    taken: int | None


def faces_figure(photographs: Sequence[Photograph], template_52: Floats, how: str, title: str) -> Figure:
    """A row for each photograph: the photograph with boxes and points, and each face before and after alignment.

    Args:
        photographs: at least one.
        template_52: where the points of an aligned face should be, (x, y) in its pixels.
        how: the detector and its settings, in words.
        title: of the figure.

    Example:
        >>> import torch
        >>> template = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)])
        >>> image = torch.zeros(3, 112, 112, dtype=torch.uint8)
        >>> face = AlignedFace(np.array([20.0, 20.0, 90.0, 110.0]), 0.9, template, image, template)
        >>> figure = faces_figure([Photograph("a.jpg", image, [face], taken=0)], template, "by hand", "One face")
        >>> [part.get_title().split(", ")[0] for part in figure.subfigs[0].subfigs[1].axes]
        ['1 before', 'after']
    """
    figure = new_figure(WIDTH, 1.05 + ROW * len(photographs), f"{title}\n{how}\n{OFF}")
    for part, photograph in zip(
        figure.subfigures(len(photographs), 1, squeeze=False).ravel(), photographs, strict=True
    ):
        left, right = part.subfigures(1, 2, width_ratios=[1.0, 1.2])
        _draw_photograph(left.subplots(), photograph)
        if photograph.faces:
            _draw_faces(right, photograph, template_52)
    _explain(figure)
    return figure


def _draw_photograph(axes: Axes, photograph: Photograph) -> None:
    from matplotlib.patches import Rectangle

    height, width = photograph.image.shape[-2:]
    _show(axes, photograph.image)
    for place, face in enumerate(photograph.faces):
        left, top, right, bottom = face.box_4
        line = "-" if place == photograph.taken else "--"
        for colour, thickness, style in (("black", 2.6, "-"), ("white", 1.2, line)):
            box = Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour)
            box.set(linewidth=thickness, linestyle=style)
            axes.add_patch(box)
        label = {"facecolor": "white", "edgecolor": "black", "linewidth": 0.5, "pad": 1.0}
        axes.text(left, top, f"{place + 1}: {face.score:.2f}", fontsize=6, va="bottom", bbox=label)
        _mark(axes, face.points_52, size=9)
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    faces = f"n = {len(photograph.faces)} face{'' if len(photograph.faces) == 1 else 's'}"
    axes.set_title(f"{photograph.name}\n{width}x{height} pixels, {faces}", fontsize=FONT)


def _draw_faces(figure: SubFigure, photograph: Photograph, template_52: Floats) -> None:
    """Each face before and after, next to each other."""
    drawn = photograph.faces[:MOST_FACES]
    in_a_row = 1 if len(drawn) < 4 else 2
    grid = figure.subplots(-(-len(drawn) // in_a_row), 2 * in_a_row, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for place, face in enumerate(drawn):
        before, after = grid[2 * place : 2 * place + 2]
        _draw_before(before, photograph.image, face)
        before.set_title(f"{place + 1} before", fontsize=FONT)
        if face.aligned_3hw is None:
            after.set_title("no alignment", fontsize=FONT)
            continue
        _show(after, face.aligned_3hw)
        after.scatter(*template_52.T, marker="+", s=36, c="white", linewidths=2.2)
        after.scatter(*template_52.T, marker="+", s=36, c="black", linewidths=0.8)
        _mark(after, face.moved_52, size=12)
        distance = np.sqrt(np.square(face.moved_52 - template_52).sum(1).mean())
        after.set_title(f"after, off by {distance:.1f} px", fontsize=FONT)
    if len(photograph.faces) > len(drawn):
        figure.supxlabel(f"and {len(photograph.faces) - len(drawn)} more faces", fontsize=FONT)


def _draw_before(axes: Axes, image_3HW: Tensor, face: AlignedFace) -> None:
    """The part of the photograph around a face."""
    _show(axes, image_3HW)
    _mark(axes, face.points_52, size=12)
    left, top, right, bottom = face.box_4
    half = MARGIN * max(right - left, bottom - top) / 2.0
    x, y = (left + right) / 2.0, (top + bottom) / 2.0
    axes.set(xlim=(x - half, x + half), ylim=(y + half, y - half))


def _show(axes: Axes, image_3HW: Tensor) -> None:
    axes.imshow(image_3HW.permute(1, 2, 0).numpy())
    axes.axis("off")


def _mark(axes: Axes, points_52: Floats, size: float) -> None:
    for (x, y), marker in zip(points_52, POINTS.values(), strict=True):
        axes.scatter(x, y, s=size, marker=marker, **MARK)


MARK: dict[str, Any] = {"c": "white", "edgecolors": "black", "linewidths": 0.7}


def _explain(figure: Figure) -> None:
    """One legend for all: the points, the template, and which box is taken."""
    from matplotlib.lines import Line2D

    point: dict[str, Any] = {"linestyle": "", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 6}
    handles = [Line2D([], [], marker=marker, label=name, **point) for name, marker in POINTS.items()]
    handles.append(Line2D([], [], marker="+", linestyle="", color="black", label="template"))
    handles.append(Line2D([], [], color="black", label="box of the face that is taken, with its score"))
    handles.append(Line2D([], [], color="black", linestyle="--", label="other box"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7, frameon=False)
