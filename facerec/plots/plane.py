"""The features of a network with embeddings of two numbers, as they lie in the plane.

The picture of Wen et al. (center loss, ECCV 2016, figure 2) and Liu et al. (SphereFace, CVPR 2017, figure 2).

Shapes: N images, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from torch import Tensor

from facerec.plots.angles import class_directions
from facerec.plots.people import EmbeddedImages, Network
from facerec.plots.projection import finish_people, scatter_people
from facerec.plots.styles import COLOURS, DASHES, panels, point_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Plane(NamedTuple):
    """What is drawn of a network.

    Attributes:
        sets: images of the same people, such as training and dev images.
        directions: unit vector of each class (C, 2); None for a loss without class weights.
        identities: names of the classes.
    """

    sets: list[EmbeddedImages]
    directions: Tensor | None
    identities: list[str]


def require_plane(network: Network) -> None:
    """Refuse a network whose embeddings have another length than 2.

    Raises:
        ValueError: naming the setting to train with.
    """
    length = network.embedder.recognizer.backbone.embedding_dim
    if length != 2:
        raise ValueError(
            f"{network.name} has embeddings of {length} numbers, and plane draws those of 2: train with "
            "model.backbone.init_args.embedding_dim 2, or take `facerec plot pca`"
        )


def plane_directions(network: Network) -> Tensor | None:
    """Unit vectors of the classes (C, 2); None where the loss has none in the plane."""
    try:
        return class_directions(network)
    except ValueError:
        return None


def plane_figure(planes: Sequence[Plane], title: str) -> Figure:
    """A row for each network, a column for each set of images.

    A line from the origin is the direction of a person's class. The person's marker, large and white, is at its end.

    Args:
        planes: of each network.
        title: of the figure.
    """
    figure, grid = panels(title, len(planes), max(len(plane.sets) for plane in planes))
    names = sorted({name for plane in planes for some in plane.sets for name in some.names})
    cells = [(plane, some) for plane in planes for some in plane.sets]
    for axes, (plane, some) in zip(grid, cells, strict=True):
        scatter_people(axes, some, some.embeddings.double().numpy(), names)
        told = _draw_directions(axes, plane, some, names)
        axes.axhline(0.0, color="0.8", linewidth=0.6, zorder=0)
        axes.axvline(0.0, color="0.8", linewidth=0.6, zorder=0)
        axes.set_title(f"{some.network}\n{some.images}: {some.counts}{told}", fontsize=8)
        axes.set(xlabel="feature 1", ylabel="feature 2")
        axes.set_aspect("equal", adjustable="datalim")
    finish_people(figure, grid[0])
    return figure


def _draw_directions(axes: Axes, plane: Plane, some: EmbeddedImages, names: Sequence[str]) -> str:
    """Add the direction of each person's class, as long as the farthest image; what to say of it in the title."""
    if plane.directions is None:
        return "\nno class directions"
    farthest = float(np.linalg.norm(some.embeddings.double().numpy(), axis=1).max())
    for place, name in enumerate(names):
        if name in plane.identities:
            end = farthest * plane.directions[plane.identities.index(name)].double().numpy()
            style: dict[str, Any] = {
                "color": f"C{place % COLOURS}",
                "linestyle": DASHES[place % len(DASHES)],
                "linewidth": 0.8,
            }
            axes.plot([0.0, end[0]], [0.0, end[1]], zorder=1, **style)
            axes.scatter(*end, **point_style(place) | {"s": 70, "facecolors": "white", "edgecolors": "black"})
    return "\nlines: class directions"
