"""Error rates of groups of people at the one threshold of each model, from what ``facerec test --groups`` kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from facerec.metrics import ErrorRate
from facerec.plots.names import short_names
from facerec.plots.styles import line_style, panels
from facerec.plots.tested import shared_sets
from facerec.reports.groups import Attribute, GroupRates, is_enough
from facerec.reports.kept_scores import MeasuredRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDES = (("FRR", "genuine pairs rejected"), ("FAR", "impostor pairs accepted"))


def groups_figure(runs: Sequence[MeasuredRun], title: str) -> Figure:
    """FRR and FAR of each group with 95 % intervals: a row for each set of pairs and attribute, a marker for each run.

    Args:
        runs: what was measured.
        title: of the figure.

    Raises:
        ValueError: if the runs share no set of pairs, or were tested without groups, naming the command.
    """
    rows = [(name, attribute) for name in shared_sets(runs) for attribute in _shared_attributes(runs, name)]
    most = max(len(_groups(runs[0], name, attribute)) for name, attribute in rows)
    figure, grid = panels(title, len(rows), 2, width=4.6, height=max(2.4, 0.6 + 0.45 * most + 0.12 * most * len(runs)))
    for place, (name, attribute) in enumerate(rows):
        found = [_attribute(run, name, attribute) for run in runs]
        for axes, (rate, meaning) in zip(grid[2 * place : 2 * place + 2], SIDES, strict=True):
            _draw(axes, runs, found, rate)
            axes.set_xlabel(f"{rate} in %: {meaning}")
            ratios = [one.frr_ratio if rate == "FRR" else one.far_ratio for one in found]
            told = ", ".join("unknown" if np.isnan(ratio) else f"{ratio:.1f}" for ratio in ratios)
            axes.set_title(f"{name}, {attribute}: largest over smallest {told}", fontsize=8)
    handles, labels = grid[1].get_legend_handles_labels()
    figure.legend(handles, [f"{label} (95 % by person)" for label in labels], loc="outside lower center", fontsize=7)
    return figure


def _shared_attributes(runs: Sequence[MeasuredRun], name: str) -> list[str]:
    attributes = [[one.name for one in run.measurement.sets[name].groups or []] for run in runs]
    shared = [attribute for attribute in attributes[0] if all(attribute in others for others in attributes)]
    if not shared:
        without = next((run for run, found in zip(runs, attributes, strict=True) if not found), runs[0])
        raise ValueError(
            f"{without.name} has no rates of groups of {name} that all runs have: `facerec test --ckpt_path RUN "
            "--groups people.csv` measures them"
        )
    return shared


def _attribute(run: MeasuredRun, name: str, attribute: str) -> Attribute:
    return next(one for one in run.measurement.sets[name].groups or [] if one.name == attribute)


def _groups(run: MeasuredRun, name: str, attribute: str) -> list[GroupRates]:
    return _attribute(run, name, attribute).groups


def _draw(axes: Axes, runs: Sequence[MeasuredRun], found: Sequence[Attribute], rate: str) -> None:
    """One rate of the groups of an attribute, from the top; beside FAR within groups that across groups."""
    names = list(dict.fromkeys(group.name for one in found for group in one.groups))
    labels = short_names([run.name for run in runs])
    kinds = ("frr",) if rate == "FRR" else ("far", "far_across")
    lanes = len(runs) * len(kinds)
    for run, (label, one) in enumerate(zip(labels, found, strict=True)):
        for kind_place, kind in enumerate(kinds):
            lane = run * len(kinds) + kind_place
            style = line_style(run) | {"linestyle": "none", "markevery": None, "capsize": 3}
            if kind == "far_across":
                style["markerfacecolor"] = "white"
            where = {"frr": "", "far": ", within group", "far_across": ", across groups"}[kind]
            shown = [(group, getattr(group, kind)) for group in one.groups if is_enough(getattr(group, kind))]
            places = [names.index(group.name) + (lane - 0.5 * (lanes - 1)) * 0.6 / max(lanes, 2) for group, _ in shown]
            rates = 100.0 * np.array([each.rate for _, each in shown])
            ends = 100.0 * np.array([each.interval for _, each in shown]).reshape(-1, 2)
            axes.errorbar(rates, places, xerr=np.abs(ends.T - rates), label=f"{label}{where}", **style)
    heading = {name: _people(found[0], name, kinds[0]) for name in names}
    axes.set_yticks(range(len(names)), [heading[name] for name in names], fontsize=7)
    axes.set(ylim=(len(names) - 0.5, -0.5))
    axes.set_xlim(left=0.0)
    axes.grid(alpha=0.3, axis="x")


def _people(attribute: Attribute, name: str, kind: str) -> str:
    """A group with its numbers, and that they are too few where they are."""
    group = next((group for group in attribute.groups if group.name == name), None)
    rate: ErrorRate | None = getattr(group, kind) if group else None
    if group is None or rate is None:
        return name
    few = "" if is_enough(rate) else ", too few"
    return f"{name}\n{group.people} people, n = {rate.pairs:,}{few}"
