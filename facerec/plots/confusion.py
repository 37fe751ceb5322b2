"""Whom a classifier takes for whom: the most confused training people on their dev images.

Shapes: N images, M people in the figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from facerec.plots.people import EmbeddedImages, Network
from facerec.plots.styles import panels
from facerec.reports.confusions import frequent_confusions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLOCK = 256  # images whose class scores are in memory at once
OTHER = "others"


def require_classifier(network: Network) -> None:
    """Refuse a network that names nobody.

    Raises:
        ValueError: if its loss has no class weights.
    """
    if network.loss.class_directions() is None:
        raise ValueError(
            f"{network.name}: {type(network.loss).__name__} has no class weights, so it names nobody. `facerec plot "
            "scores` shows the scores of pairs, for any loss"
        )


@torch.inference_mode()
def named_people(network: Network, some: EmbeddedImages) -> list[str]:
    """Name of the training person with the highest class score, without margin, for each image.

    Args:
        network: with class weights.
        some: images as it sees them.
    """
    loss, named = network.loss.cpu(), []
    for embeddings_BD in torch.split(some.embeddings.float().cpu(), BLOCK):
        named_B = loss.named(embeddings_BD)
        assert named_B is not None  # require_classifier has seen to it
        named += named_B.tolist()
    return [network.identities[label] for label in named]


def most_confused(people: Sequence[str], named: Sequence[str], count: int) -> list[str]:
    """The people in most errors, as the one on the image or as the one named, sorted by name.

    Args:
        people: person on each image (N,).
        named: person whom each image was taken for (N,).
        count: number of people wanted. All people are taken if there are no more.

    Example:
        >>> most_confused(["ann", "ann", "bob", "cat", "dan"], ["ann", "bob", "bob", "bob", "dan"], 2)
        ['ann', 'bob']
    """
    errors: Counter[str] = Counter(dict.fromkeys(sorted({*people, *named}), 0))
    for person, name in zip(people, named, strict=True):
        if person != name:
            errors.update((person, name))
    return sorted(name for name, _ in errors.most_common(count))


def confusion_figure(rows: Sequence[tuple[EmbeddedImages, Sequence[str]]], title: str, count: int) -> Figure:
    """A matrix of the most confused people, and a list of the most frequent confusions: a row for each network.

    Args:
        rows: images of each network, and whom each image was taken for.
        title: of the figure.
        count: number of people of a matrix.
    """
    side = min(9.0, max(4.6, 1.8 + 0.24 * count))
    figure, grid = panels(title, len(rows), 2, width=side, height=side - 0.4)
    for place, (some, named) in enumerate(rows):
        matrix, listed = grid[2 * place : 2 * place + 2]
        wrong = sum(person != name for person, name in zip(some.people, named, strict=True))
        shown = most_confused(some.people, named, count)
        everybody = len({*some.people, *named})
        whom = f"all {everybody} people" if len(shown) == everybody else f"{len(shown)} most confused people"
        matrix.set_title(f"{some.network}, {some.images}: {whom}\n{some.counts}, {wrong:,} named wrongly", fontsize=8)
        _draw_matrix(matrix, some.people, named, shown, has_others=len(shown) < everybody)
        _draw_list(listed, some.people, named)
    return figure


def _draw_matrix(
    axes: Axes, people: Sequence[str], named: Sequence[str], shown: Sequence[str], *, has_others: bool
) -> None:
    """Images of each person by the name they were given; numbers in the cells, for those who do not see colours."""
    rows = {name: place for place, name in enumerate(shown)}
    columns = [*shown, OTHER] if has_others else list(shown)
    counts = np.zeros((len(shown), len(columns)), dtype=np.int64)
    for person, name in zip(people, named, strict=True):
        if person in rows:
            counts[rows[person], rows.get(name, len(shown))] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Greys", vmin=0.0, vmax=1.0, aspect="auto")
    size = 7 if len(shown) <= 25 else 5
    for row, column in np.argwhere(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        weight = "normal" if row == column else "bold"
        text = str(counts[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour, fontweight=weight)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=size)
    axes.set_yticks(range(len(shown)), shown, fontsize=size)
    axes.set(xlabel="named", ylabel="on the image")


def _draw_list(axes: Axes, people: Sequence[str], named: Sequence[str]) -> None:
    """The most frequent confusions as shares of the person's images."""
    names = sorted({*people, *named})
    labels_N, named_N = (np.searchsorted(names, each).astype(np.int64) for each in (people, named))
    worst = frequent_confusions(labels_N, named_N)
    shares = [100.0 * len(each.places) / each.of for each in worst]
    axes.barh(range(len(worst)), shares, color="0.6", edgecolor="black", hatch="//")
    for place, each in enumerate(worst):
        axes.text(shares[place], place, f" {len(each.places)} of {each.of}", va="center", fontsize=7)
    told = [f"{names[each.person]} named {names[each.named]}" for each in worst]
    axes.set_yticks(range(len(worst)), told, fontsize=7)
    axes.set(ylim=(max(len(worst), 1) - 0.5, -0.5), xlim=(0.0, 1.3 * max(shares, default=100.0)))
    axes.set_xlabel("images in % of the person's")
    kinds = len({(person, name) for person, name in zip(people, named, strict=True) if person != name})
    heading = f"the {len(worst)} most frequent of {kinds:,} confusions" if worst else "no image was named wrongly"
    axes.set_title(heading, fontsize=8)
