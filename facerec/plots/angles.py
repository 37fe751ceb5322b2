"""Angles between images and class directions: to the own class, and to the nearest other one.

Shapes: N images, D embedding, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from facerec.plots.people import EmbeddedImages, Network
from facerec.plots.styles import panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

BLOCK = 256  # images whose angles to all classes are in memory at once
BINS = np.linspace(0.0, 180.0, 91)  # of two degrees


class Angles(NamedTuple):
    """Angles of images in degrees (N,).

    Attributes:
        own: to the direction of the own class.
        other: to the nearest direction of another class.
    """

    own: Floats
    other: Floats


def class_directions(network: Network) -> Tensor:
    """Unit vectors of the classes (C, D), on the CPU.

    Raises:
        ValueError: if the loss has no class weights, or they are none of embeddings.
    """
    directions_CD = network.loss.class_directions()
    if directions_CD is None:
        raise ValueError(
            f"{network.name}: {type(network.loss).__name__} has no class weights, so no angles to classes. "
            "`facerec plot scores` shows the scores of pairs, for any loss"
        )
    embedding_dim = network.embedder.recognizer.backbone.embedding_dim
    if directions_CD.shape[1] != embedding_dim:
        raise ValueError(
            f"{network.name}: its class weights see {directions_CD.shape[1]} hidden units (hidden_dim of the loss), "
            f"not the {embedding_dim} numbers of an embedding, so there are no angles between the two"
        )
    return directions_CD.float().cpu()


def angles_of(some: EmbeddedImages, directions_CD: Tensor, identities: Sequence[str]) -> Angles:
    """The angles of images in degrees.

    Args:
        some: images of training people.
        directions_CD: unit vectors of all classes (C, D).
        identities: names of the classes.

    Raises:
        ValueError: for one class only, which has no other, or a person who is no class.

    Example:
        >>> images = EmbeddedImages("A", "dev", torch.tensor([[3.0, 3.0]]), ["ann"], [])
        >>> found = angles_of(images, torch.eye(2), ["ann", "bob"])
        >>> round(float(found.own[0]), 3), round(float(found.other[0]), 3)
        (45.0, 45.0)
    """
    if len(identities) < 2:
        raise ValueError(f"{some.network} was trained on {len(identities)} person: no other class is nearest")
    class_of = {name: place for place, name in enumerate(identities)}
    if strangers := set(some.people) - class_of.keys():
        raise ValueError(f"{some.network} was not trained on {sorted(strangers)[0]}: give data of its training people")
    unit_ND = F.normalize(some.embeddings.double())
    labels_N = torch.tensor([class_of[name] for name in some.people])
    own, other = [], []
    for unit_BD, labels_B in zip(torch.split(unit_ND, BLOCK), torch.split(labels_N, BLOCK), strict=True):
        cos_BC = (unit_BD @ directions_CD.double().T).clamp(-1.0, 1.0)
        own.append(cos_BC.gather(1, labels_B[:, None])[:, 0])
        other.append(cos_BC.scatter(1, labels_B[:, None], -torch.inf).amax(1))
    return Angles(*(torch.rad2deg(torch.acos(torch.cat(cosines))).numpy() for cosines in (own, other)))


def angles_figure(rows: Sequence[Sequence[tuple[EmbeddedImages, Angles]]], title: str) -> Figure:
    """Histograms of both angles: a row for each network, a column for each set of images.

    Args:
        rows: sets of images of each network, with their angles.
        title: of the figure.
    """
    figure, grid = panels(title, len(rows), max(map(len, rows)))
    cells = [cell for row in rows for cell in row]
    for axes, (some, angles) in zip(grid, cells, strict=True):
        kinds = (("own class", angles.own, "////", "C0"), ("nearest other class", angles.other, "", "C1"))
        for name, degrees, hatch, colour in kinds:
            label = f"{name}, median {np.median(degrees):.1f}°"
            axes.hist(degrees, BINS.tolist(), density=True, alpha=0.6, hatch=hatch, color=colour, label=label)
        nearer = float(np.mean(angles.own < angles.other))
        told = f"{some.images}: {some.counts}\nown class nearest for {nearer:.1%}"
        axes.set_title(f"{some.network}\n{told}", fontsize=8)
        axes.set(xlabel="angle in degrees", ylabel="density per degree", xlim=(0.0, 180.0))
        axes.legend(fontsize=7)
    return figure
