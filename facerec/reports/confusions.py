"""Training people whom a classifier takes for one another.

Shapes: N images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facerec.reports.curves import new_figure
from facerec.reports.faces import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 15  # confusions in a figure
LONGEST = 24  # letters of a name


@dataclass(frozen=True)
class Confusion:
    """Images of one person that got the name of another.

    Attributes:
        person: class of the person on the images.
        named: class that the images were named as.
        places: places of these images among all.
        of: number of all images of the person.
    """

    person: int
    named: int
    places: tuple[int, ...]
    of: int


def frequent_confusions(labels: NDArray[np.int64], named: NDArray[np.int64], most: int = MOST) -> list[Confusion]:
    """The confusions with the most images; of as many images, those with the largest share of the person's.

    Args:
        labels: class of each image (N,).
        named: class that each image was named as (N,).
        most: largest number of confusions.

    Example:
        >>> labels, named = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 1, 2, 2])
        >>> [(each.person, each.named, each.places, each.of) for each in frequent_confusions(labels, named)]
        [(0, 1, (1, 2), 3), (1, 2, (4,), 2)]
    """
    images_of = np.bincount(labels, minlength=1)
    places: dict[tuple[int, int], list[int]] = {}
    for place in np.flatnonzero(labels != named):
        places.setdefault((int(labels[place]), int(named[place])), []).append(int(place))
    found = [Confusion(*people, tuple(wrong), int(images_of[people[0]])) for people, wrong in places.items()]
    return sorted(found, key=lambda each: (-len(each.places), each.of, each.person, each.named))[:most]


def confusions_figure(confusions: Sequence[Confusion], identities: Sequence[str], title: str) -> Figure:
    """A bar for each confusion: how many images of the person got the other name.

    Args:
        confusions: what to draw, from the top.
        identities: name of each class.
        title: of the figure.

    Example:
        >>> figure = confusions_figure([Confusion(0, 1, (3, 5), of=4)], ["Ann", "Bob"], "dev images")
        >>> figure.axes[0].get_yticklabels()[0].get_text()
        'Ann named Bob'
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(6.4, 0.9 + 0.28 * max(len(confusions), 2), title)
    axes = figure.subplots()
    names = [
        f"{shortened(identities[each.person], LONGEST)} named {shortened(identities[each.named], LONGEST)}"
        for each in confusions
    ]
    counts = [len(each.places) for each in confusions]
    bars = axes.barh(range(len(names)), counts, height=0.7)
    axes.bar_label(bars, [f" {count} of {each.of}" for count, each in zip(counts, confusions, strict=True)], fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel="images", xlim=(0.0, 1.15 * max(counts, default=1)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.invert_yaxis()
    return figure
