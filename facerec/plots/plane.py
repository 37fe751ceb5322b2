"""The features of a network with embeddings of two or three numbers, as they lie in the plane or in space.

The picture of Wen et al. (center loss, ECCV 2016, figure 2) and Liu et al. (SphereFace, CVPR 2017, figure 2).

Shapes: N images, C classes, D = 2 or 3.
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


DRAWN = (2, 3)  # lengths of embeddings


class Plane(NamedTuple):
    """What is drawn of a network.

    Attributes:
        sets: images of the same people, such as training and dev images.
        directions: unit vector of each class (C, D); None for a loss without class weights.
        identities: names of the classes.
    """

    sets: list[EmbeddedImages]
    directions: Tensor | None
    identities: list[str]


def require_plane(network: Network) -> None:
    """Refuse a network whose embeddings have another length than 2 or 3.

    Raises:
        ValueError: naming the setting to train with.
    """
    length = network.embedder.recognizer.backbone.embedding_dim
    if length not in DRAWN:
        raise ValueError(
            f"{network.name} has embeddings of {length} numbers, and plane draws those of 2 or 3: train with "
            "model.backbone.init_args.embedding_dim 2, or take `facerec plot pca`"
        )


def plane_directions(network: Network) -> Tensor | None:
    """Unit vectors of the classes (C, D); None where the loss has none."""
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

    Raises:
        ValueError: if one network has embeddings of 2 numbers, and another of 3.
    """
    lengths = {some.embeddings.shape[1] for plane in planes for some in plane.sets}
    if len(lengths) > 1:
        raise ValueError("embeddings of 2 and of 3 numbers: draw the networks of each in a figure of their own")
    is_space = lengths == {3}
    columns = max(len(plane.sets) for plane in planes)
    figure, grid = panels(title, len(planes), columns, projection="3d" if is_space else None)
    names = sorted({name for plane in planes for some in plane.sets for name in some.names})
    cells = [(plane, some) for plane in planes for some in plane.sets]
    for axes, (plane, some) in zip(grid, cells, strict=True):
        scatter_people(axes, some, some.embeddings.double().numpy(), names)
        told = _draw_directions(axes, plane, some, names)
        axes.set_title(f"{some.network}\n{some.images}: {some.counts}{told}", fontsize=8)
        axes.set(xlabel="feature 1", ylabel="feature 2", **({"zlabel": "feature 3"} if is_space else {}))
        axes.set_aspect("equal", adjustable="datalim")
        if not is_space:
            axes.axhline(0.0, color="0.8", linewidth=0.6, zorder=0)
            axes.axvline(0.0, color="0.8", linewidth=0.6, zorder=0)
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
            axes.plot(*([0.0, along] for along in end), zorder=1, **style)
            axes.scatter(*end, **point_style(place) | {"s": 70, "facecolors": "white", "edgecolors": "black"})
    return "\nlines: class directions"
