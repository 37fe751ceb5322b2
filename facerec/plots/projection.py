"""Embeddings of a few people in two dimensions: by principal components, or by t-SNE.

Shapes: N images, D embedding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray

from facerec.plots.people import EmbeddedImages
from facerec.plots.styles import panels, point_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

PERPLEXITY = 30.0


class Projection(NamedTuple):
    """Points (N, 2) and what the two axes are."""

    points: Floats
    axes: tuple[str, str]


def pca_figure(sets: Sequence[EmbeddedImages], title: str) -> Figure:
    """The first two principal components of the directions, a panel for each network.

    Args:
        sets: the same people, embedded by each network.
        title: of the figure.

    Raises:
        ValueError: for fewer than three images.
    """
    return _scattered(sets, title, lambda some: principal_components(_directions(some)))


def tsne_figure(sets: Sequence[EmbeddedImages], title: str, seed: int = 0) -> Figure:
    """t-SNE of the directions (van der Maaten and Hinton, JMLR 2008), a panel for each network.

    Near points are alike. Distances between groups, their sizes and the axes mean nothing.

    Args:
        sets: the same people, embedded by each network.
        title: of the figure.
        seed: of t-SNE.

    Raises:
        ValueError: if scikit-learn is not installed, or for fewer than three images.
    """
    return _scattered(sets, title, lambda some: t_sne(_directions(some), seed))


def principal_components(vectors_ND: Floats) -> Projection:
    """The first two principal components, by singular values. The largest weight of each is positive.

    Raises:
        ValueError: for fewer than three rows, or rows of fewer than two numbers.

    Example:
        >>> found = principal_components(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
        >>> found.points.round(6).tolist()
        [[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
        >>> found.axes[0]
        'component 1, 80% of the variance'
    """
    _require_enough(vectors_ND)
    centred_ND = vectors_ND - vectors_ND.mean(0)
    _, values, components_KD = np.linalg.svd(centred_ND, full_matrices=False)
    first_2D = components_KD[:2]
    signs_2 = np.sign(first_2D[[0, 1], np.abs(first_2D).argmax(1)])
    shares = values**2 / max(float((values**2).sum()), np.finfo(np.float64).tiny)
    labels = [f"component {place + 1}, {shares[place]:.0%} of the variance" for place in range(2)]
    return Projection(centred_ND @ (first_2D * signs_2[:, None]).T, (labels[0], labels[1]))


def t_sne(vectors_ND: Floats, seed: int = 0) -> Projection:
    """t-SNE from the principal components on, at a perplexity of 30, less for fewer than 91 rows.

    Raises:
        ValueError: if scikit-learn is not installed, or for fewer than three rows.
    """
    require_scikit_learn()
    from sklearn.manifold import TSNE

    _require_enough(vectors_ND)
    perplexity = min(PERPLEXITY, (len(vectors_ND) - 1) / 3.0)
    fitted = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors_ND.astype(np.float32))
    return Projection(fitted.astype(np.float64), (f"t-SNE, perplexity {perplexity:.3g}, seed {seed}", ""))


def require_scikit_learn() -> None:
    """Refuse t-SNE before any image is embedded for it.

    Raises:
        ValueError: if scikit-learn is not installed, naming the extra.
    """
    try:
        import sklearn.manifold  # noqa: F401
    except ImportError as error:
        way_out = 'pip install "facerec[plot]", or take `facerec plot pca`, which needs nothing'
        raise ValueError(f"facerec plot tsne needs scikit-learn ({error}): {way_out}") from error


def _require_enough(vectors_ND: Floats) -> None:
    if len(vectors_ND) < 3 or vectors_ND.shape[1] < 2:
        raise ValueError(
            f"{len(vectors_ND)} embeddings of {vectors_ND.shape[1]} numbers: a plane of them needs three images "
            "and two numbers. Give more --people"
        )


def _directions(some: EmbeddedImages) -> Floats:
    """The embeddings at length 1: a cosine score does not see their length."""
    return F.normalize(some.embeddings.double()).numpy()


def _scattered(sets: Sequence[EmbeddedImages], title: str, project: Callable[[EmbeddedImages], Projection]) -> Figure:
    columns = min(len(sets), 3)
    figure, grid = panels(title, math.ceil(len(sets) / columns), columns)
    for axes in grid[len(sets) :]:
        axes.axis("off")
    for axes, some in zip(grid, sets, strict=False):
        found = project(some)
        scatter_people(axes, some, found.points, some.names)
        axes.set(title=f"{some.network}\n{some.counts}, {some.images}", xlabel=found.axes[0], ylabel=found.axes[1])
        axes.title.set_fontsize(8)
        if not found.axes[1]:  # its numbers mean nothing
            axes.set(xticks=[], yticks=[])
        axes.set_aspect("equal", adjustable="datalim")
    finish_people(figure, grid[0])
    return figure


def scatter_people(axes: Axes, some: EmbeddedImages, points_ND: Floats, names: Sequence[str]) -> None:
    """Add the points of each person, of two or three numbers, in the style of the person's place among the names."""
    for place, name in enumerate(names):
        rows = some.of(name)
        axes.scatter(*points_ND[rows].T, label=name, **point_style(place))


def finish_people(figure: Figure, axes: Axes) -> None:
    """One legend of the people beside all axes."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=7, title="person")
