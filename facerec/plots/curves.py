"""The course of trainings: train loss, dev accuracy and validation EER over epochs, several runs on one axis.

Shapes: E epochs, R runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facerec.plots.names import short_names
from facerec.plots.styles import MOST_LINES, line_style, panels
from facerec.reports.events import Scalars, read_events
from facerec.reports.repeats import repeat_groups, shared_name
from facerec.reports.runs import AVERAGED, Run, read_settings
from facerec.settings import require_within

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

SMOOTHING = 0.6  # TensorBoard's


class Quantity(NamedTuple):
    """What a panel shows: what it is logged as in a stage, the label of the axis, and the factor to its unit."""

    logged: str
    label: str
    factor: float = 1.0


QUANTITIES = (
    Quantity("train/loss", "train loss, mean of the epoch"),
    Quantity("{val}/accuracy", "dev accuracy in %", 100.0),
    Quantity("{val}/eer", "validation EER in %", 100.0),
)


@dataclass(frozen=True)
class Course:
    """What runs of the same settings logged.

    Attributes:
        name: of the run, or of the experiment if there are several.
        scalars: of each run.
    """

    name: str
    scalars: list[Scalars]


def read_courses(folders: Sequence[Path]) -> list[Course]:
    """What runs logged. Runs that differ in seed, fold or validation group alone are one course.

    Args:
        folders: of the runs.

    Raises:
        ValueError: if none has logged a training. Some that have not are left out, with a warning.

    Example:
        >>> read_courses([])
        []
    """
    logged = {folder: read_events(folder)[0] for folder in folders}
    scalars = {folder: found for folder, found in logged.items() if any(tag.startswith("train/") for tag in found)}
    if folders and not scalars:
        raise ValueError(
            f"{folders[0]} has no TensorBoard events of a training: `facerec fit` writes them, unless "
            "trainer.logger is false"
        )
    for folder in logged.keys() - scalars.keys():
        warnings.warn(f"{folder} is left out: it has no events of a training", stacklevel=2)
    names = dict(zip(short_names(list(map(str, scalars))), scalars, strict=True))
    groups = repeat_groups(Run(name, read_settings(folder), {}) for name, folder in names.items())
    return [
        Course(group[0].name if len(group) == 1 else shared_name(group), [scalars[names[run.name]] for run in group])
        for group in groups
    ]


def curves_figure(courses: Sequence[Course], title: str, smoothing: float = SMOOTHING) -> Figure:
    """A panel for each quantity that was logged, with a line for each course.

    A course of several runs is the mean of their smoothed lines, over the epochs that all have, in a band of one
    standard deviation. The line of a single run stands before its values, which are faint.

    Args:
        courses: to draw.
        title: of the figure.
        smoothing: weight of the past in the moving mean, as TensorBoard's, in [0, 1); 0 for none.

    Raises:
        ValueError: for another ``smoothing``, or more than 52 courses, which no style tells apart.

    Example:
        >>> class Event:
        ...     step, value = 9, 2.5
        >>> course = Course("orl/version_0", [{"train/loss": [Event], "epoch": [Event]}])
        >>> curves_figure([course], "ORL").axes[0].get_ylabel()
        'train loss, mean of the epoch'
    """
    require_within("--", 0.0, 1.0, high_excluded=True, smoothing=smoothing)
    require_within("curves: ", 1, MOST_LINES, courses=len(courses))
    drawn = [(quantity, lines) for quantity in QUANTITIES if (lines := list(_lines(courses, quantity)))]
    figure, grid = panels(title, 1, len(drawn))
    for axes, (quantity, lines) in zip(grid, drawn, strict=True):
        for place, course, values in lines:
            _draw(axes, values, smoothing, line_style(place) | {"label": _label(course, values)})
        axes.set(xlabel=f"epoch{_smoothed_by(smoothing)}", ylabel=quantity.label)
        axes.locator_params(axis="x", integer=True)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    return figure


def _smoothed_by(smoothing: float) -> str:
    return f" (moving mean, weight {smoothing:g})" if smoothing else ""


def _label(course: Course, values: Sequence[object]) -> str:
    return course.name if len(values) == 1 else f"{course.name}: mean ± standard deviation, n = {len(values)} runs"


def _lines(courses: Sequence[Course], quantity: Quantity) -> Iterator[tuple[int, Course, list[tuple[Floats, Floats]]]]:
    """The courses that logged a quantity: their place among all, and epochs and values of each run."""
    for place, course in enumerate(courses):
        values = [found for scalars in course.scalars if len((found := by_epoch(scalars, quantity))[0])]
        if values:
            yield place, course, values


def by_epoch(scalars: Scalars, quantity: Quantity) -> tuple[Floats, Floats]:
    """The epochs of a run, counted from 1, and the mean of what was logged in each (E,).

    Where a training went on from an earlier step, what it had logged after that step does not count.

    Args:
        scalars: of the run.
        quantity: that is wanted, in its unit.
    """
    events = _not_superseded(scalars.get(quantity.logged.format(val=_offered(scalars)), []))
    clock = _not_superseded(scalars.get("epoch", []))
    if not events or not clock:
        return np.zeros(0), np.zeros(0)
    steps, epochs = np.array([event.step for event in clock]), np.array([event.value for event in clock])
    places = np.searchsorted(steps, [event.step for event in events]).clip(max=len(steps) - 1)
    numbers_E, place_of = np.unique(1.0 + epochs[places], return_inverse=True)
    totals_E = np.bincount(place_of, [quantity.factor * event.value for event in events])
    return numbers_E, totals_E / np.bincount(place_of)


def _offered(scalars: Scalars) -> str:
    """The beginning of what the validation logged of the weights that the checkpoint offers."""
    return next((stage for stage in AVERAGED if any(name.startswith(f"{stage}/") for name in scalars)), "val")


def _not_superseded(events: Sequence[Any]) -> list[Any]:
    """The events in the order of their steps: one that steps back replaces all from its step on."""
    kept: list[Any] = []
    for event in events:
        while kept and kept[-1].step >= event.step:
            kept.pop()
        kept.append(event)
    return kept


def smoothed(values_E: Floats, weight: float) -> Floats:
    """The moving mean of values with weights that fall by a factor for each step back; TensorBoard's smoothing.

    Example:
        >>> smoothed(np.array([1.0, 0.0, 1.0]), 0.5).round(3).tolist()
        [1.0, 0.333, 0.714]
    """
    means, total, weights = np.empty_like(values_E), 0.0, 0.0
    for place, value in enumerate(values_E):
        total, weights = weight * total + value, weight * weights + 1.0
        means[place] = total / weights
    return means


def _draw(axes: Axes, values: Sequence[tuple[Floats, Floats]], smoothing: float, style: dict[str, Any]) -> None:
    """Add the line of a course, and its band or its faint values."""
    if all(len(epochs_E) == 1 for epochs_E, _ in values):
        style = style | {"markevery": None}  # it counts in shares of the line's length, and a point has none
    if len(values) == 1:
        [(epochs_E, values_E)] = values
        if smoothing:
            axes.plot(epochs_E, values_E, linewidth=0.6, alpha=0.35, color=style["color"])
        axes.plot(epochs_E, smoothed(values_E, smoothing), **style)
        return
    shared_E = values[0][0]
    for epochs, _ in values[1:]:
        shared_E = np.intersect1d(shared_E, epochs)
    lines_RE = np.array([smoothed(line, smoothing)[np.isin(epochs, shared_E)] for epochs, line in values])
    mean_E, deviation_E = lines_RE.mean(0), lines_RE.std(0, ddof=1)
    axes.plot(shared_E, mean_E, **style)
    axes.fill_between(
        shared_E, mean_E - deviation_E, mean_E + deviation_E, alpha=0.2, color=style["color"], linewidth=0
    )
