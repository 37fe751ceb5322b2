"""Figures of a sweep: its trials with their intervals, each setting, and the importance of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facerec.reports.comparison import short_names
from facerec.reports.curves import new_figure
from facerec.sweeps.definition import Sweep
from facerec.sweeps.space import Choices, Setting, point_text
from facerec.sweeps.trials import Importance, Trial, in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TRIALS = 40  # in one figure
COLUMNS = 3
LONGEST_LABEL = 60


def trials_figure(sweep: Sweep, trials: Sequence[Trial]) -> Figure:
    """Mean and 95 % interval of each trial with a result, the best on top, and a dot for each repeat.

    Args:
        sweep: that the trials are of.
        trials: all of them.
    """
    shown = [trial for trial in in_order(trials) if trial.repeats][:MOST_TRIALS]
    title = f"{sweep.name}: {sweep.measure}, mean and 95 % interval over {len(sweep.repeats)} repeats"
    figure = new_figure(9, 1.2 + 0.32 * len(shown), title)
    axes = figure.subplots()
    for row, trial in enumerate(shown):
        colour = "C0" if trial.state == "finished" else "0.6"
        axes.plot([100 * rate for rate in trial.rates], [row] * len(trial.rates), ".", color=colour, alpha=0.35)
        if trial.interval is not None:
            ends = [100 * max(trial.interval.low, 0.0), 100 * trial.interval.high]
            axes.plot(ends, [row, row], color=colour, linewidth=1.5)
        axes.plot([100 * trial.mean], [row], "o", color=colour, markersize=5)
    labels = [f"{point_text(trial.point)[:LONGEST_LABEL]}  ({trial.number})" for trial in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(f"{sweep.measure} in %; grey: not finished")
    axes.grid(axis="x", alpha=0.3)
    return figure


def settings_figure(sweep: Sweep, trials: Sequence[Trial]) -> Figure:
    """The mean of each finished trial over the value of each setting, and the mean over the trials of each choice.

    Args:
        sweep: that the trials are of.
        trials: all of them.
    """
    finished = [trial for trial in trials if trial.state == "finished"]
    names = short_names([setting.name for setting in sweep.space])
    rows, columns = -(-len(names) // COLUMNS), min(len(names), COLUMNS)
    figure = new_figure(max(4.0 * columns, 5), 3.2 * rows, f"{sweep.name}: mean {sweep.measure} of each trial")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axes, setting, name in zip(grid, sweep.space, names, strict=False):
        _draw_setting(axes, setting, finished)
        axes.set(xlabel=name, ylabel=f"{sweep.measure} in %")
        axes.grid(alpha=0.3)
    for axes in grid[len(names) :]:
        axes.axis("off")
    return figure


def _draw_setting(axes: Axes, setting: Setting, trials: Sequence[Trial]) -> None:
    drawn = [trial.point[setting.name] for trial in trials]
    rates = [100 * trial.mean for trial in trials]
    if not isinstance(setting, Choices):
        axes.plot(drawn, rates, "o", alpha=0.6)
        if setting.log:
            axes.set_xscale("log")
            ticks = [float(f"{tick:.2g}") for tick in np.geomspace(setting.low, setting.high, 4)]
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.set_xticks([], minor=True)
        return
    labels = list(setting.values)
    axes.plot([labels.index(label) for label in drawn], rates, "o", alpha=0.5)
    for place, label in enumerate(labels):
        of_label = [rate for rate, own in zip(rates, drawn, strict=True) if own == label]
        if of_label:
            axes.plot([place - 0.25, place + 0.25], [sum(of_label) / len(of_label)] * 2, color="C1", linewidth=2)
    axes.set_xticks(range(len(labels)), labels, fontsize=8, rotation=30 if max(map(len, labels)) > 6 else 0)
    axes.set_xlim(-0.5, len(labels) - 0.5)


def importance_figure(importance: Importance, name: str) -> Figure:
    """The share of each setting, the largest on top.

    Args:
        importance: of the settings.
        name: of the sweep.
    """
    order = sorted(importance.shares, key=lambda setting: importance.shares[setting])
    figure = new_figure(6, 1.2 + 0.3 * len(order), f"{name}: {importance.meaning}")
    axes = figure.subplots()
    axes.barh(short_names(order), [importance.shares[setting] for setting in order])
    axes.set(xlabel="share", xlim=(0, 1))
    axes.grid(axis="x", alpha=0.3)
    return figure
