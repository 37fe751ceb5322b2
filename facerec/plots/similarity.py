"""Every image of some people against every other: the cosines of their embeddings.

Shapes: N images, D embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as F

from facerec.plots.people import EmbeddedImages
from facerec.plots.styles import panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def similarity_figure(sets: Sequence[EmbeddedImages], title: str) -> Figure:
    """Cosines of all images with all others as shades of grey, a panel for each network, sorted by person.

    The squares on the diagonal are genuine pairs: they should be bright, and all else dark.

    Args:
        sets: images of the same people as networks see them.
        title: of the figure.

    Example:
        >>> import torch
        >>> images = EmbeddedImages("A", "dev", torch.eye(3)[[0, 1, 0]], ["ann", "bob", "ann"], [])
        >>> figure = similarity_figure([images], "three images")
        >>> figure.axes[0].images[0].get_array().tolist()
        [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    figure, grid = panels(title, 1, len(sets))
    for axes, some in zip(grid, sets, strict=True):
        order_N = np.argsort(some.people, kind="stable")
        unit_ND = F.normalize(some.embeddings.double())[order_N]
        shades = axes.imshow((unit_ND @ unit_ND.T).numpy(), cmap="gray", vmax=1.0, interpolation="nearest")
        ends = np.cumsum([len(some.of(name)) for name in some.names])
        middles = ends - 0.5 - np.diff(ends, prepend=0) / 2
        axes.set_xticks(middles, some.names, rotation=90, fontsize=7)
        axes.set_yticks(middles, some.names, fontsize=7)
        for end in ends[:-1] - 0.5:
            axes.axhline(end, color="C1", linewidth=0.5)
            axes.axvline(end, color="C1", linewidth=0.5)
        axes.set_title(f"{some.network}\n{some.images}: {some.counts}", fontsize=8)
        figure.colorbar(shades, ax=axes, label="cosine")
    return figure
