"""What a sweep found: one table of its trials, figures, and the configuration of the best one."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import yaml

from facerec.files import write_whole, written_whole
from facerec.metrics import mean_interval
from facerec.reports.comparison import as_markdown, short_names
from facerec.reports.tables import format_table
from facerec.sweeps.definition import Sweep
from facerec.sweeps.figures import importance_figure, settings_figure, trials_figure
from facerec.sweeps.league import league, measured_trials
from facerec.sweeps.league_shown import league_csv, league_figure, league_notes, league_rows
from facerec.sweeps.space import drawn_text
from facerec.sweeps.trials import Importance, Trial, best_of, in_order

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


def write_results(folder: Path, sweep: Sweep, trials: Sequence[Trial], importance: Importance | None) -> list[str]:
    """Write the figures and the best configuration into the folder of a study.

    Args:
        folder: of the study.
        sweep: that it is of.
        trials: all of them.
        importance: of the settings, where it is known.

    Returns:
        Lines to print: the table, what it means, and what to do next.
    """
    best = best_of(trials)
    lines = [format_table(trial_rows(sweep, trials)), "", *_notes(sweep, trials, importance)]
    if best is None:
        return [*lines, "no trial is finished yet"]
    for name, figure in _figures(sweep, trials, importance).items():
        _write_figure(folder / name, figure)
    config = folder / f"{sweep.name}_best.yaml"
    write_whole(config, _best_config(sweep, best))
    return [
        *lines,
        f"figures: {folder}",
        f"a full training with the settings of trial {best.number}: facerec fit --config {shlex.quote(str(config))}",
    ]


def write_leagues(folder: Path, sweep: Sweep, trials: Sequence[Trial]) -> list[str]:
    """Write a table, a figure and CSV of the trials that were tested, for each set of test pairs.

    Args:
        folder: of the study.
        sweep: that it is of.
        trials: all of them.

    Returns:
        Lines to print; none where no trial was tested.
    """
    tested = measured_trials(trials)
    lines: list[str] = []
    for name in tested[0].runs[0].measurement.sets if tested else ():
        found = league(name, tested)
        rows, notes = league_rows(sweep, found), league_notes(found)
        lines += ["", f"test pairs {name!r}", "", format_table(rows), "", *notes]
        _write_figure(folder / f"test_{name}", league_figure(sweep, found))
        write_whole(folder / f"test_{name}.csv", league_csv(sweep, found))
        write_whole(folder / f"test_{name}.md", "\n".join([as_markdown(rows), *notes]) + "\n")
    return lines


def trial_rows(sweep: Sweep, trials: Sequence[Trial]) -> list[list[str]]:
    """Rows of text, the heading first: the finished trials with the lowest mean first, then the others.

    Args:
        sweep: that the trials are of.
        trials: all of them.
    """
    best, names = best_of(trials), [setting.name for setting in sweep.space]
    heading = ["trial", sweep.heading, "±", "n", "95% over repeats", "behind the best", *short_names(names), ""]
    rows = [
        [
            str(trial.number),
            f"{trial.mean:.2%}" if trial.repeats else "",
            "" if trial.deviation is None else f"{100 * trial.deviation:.2f}",
            str(len(trial.repeats)),
            _interval(trial),
            "" if best is None or trial is best else _behind(trial, best),
            *(drawn_text(trial.point.get(name, "-")) for name in names),
            "" if trial.state == "finished" else trial.state,
        ]
        for trial in in_order(trials)
    ]
    return [heading, *rows] if any(row[-1] for row in rows) else [row[:-1] for row in (heading, *rows)]


def _interval(trial: Trial) -> str:
    """Of the mean over repeats, as far as a rate can go."""
    found = trial.interval
    return "" if found is None else f"{max(found.low, 0.0):.2%} - {min(found.high, 1.0):.2%}"


def _behind(trial: Trial, best: Trial) -> str:
    """How much worse than the best, repeat by repeat, in percentage points."""
    differences = trial.behind(best)
    if not differences:
        return ""
    interval = mean_interval(differences)
    text = f"{100 * fmean(differences):+.2f}"
    return text if interval is None else f"{text} ({100 * interval.low:+.1f} to {100 * interval.high:+.1f})"


def _notes(sweep: Sweep, trials: Sequence[Trial], importance: Importance | None) -> list[str]:
    """What the table means, and what is missing in it."""
    notes = []
    if len(sweep.repeats) > 1:
        notes.append("± is the deviation between repeats.")
        notes.append(
            "`behind the best`, repeat by repeat in percentage points: an interval with 0 tells no difference."
        )
    finished = [trial for trial in trials if trial.state == "finished"]
    if len(finished) > 1:
        notes.append("The lowest mean is too low, because these validation people chose it: train in full, test once.")
    if importance is not None:
        order = sorted(importance.shares, key=lambda name: -importance.shares[name])
        notes.append(f"{importance.meaning}: {', '.join(f'{name} {importance.shares[name]:.0%}' for name in order)}")
    if under_way := [str(trial.number) for trial in trials if trial.state == "running"]:
        notes.append(f"under way, or left by a process that was killed: trial {', '.join(under_way)}")
    failed = [trial for trial in in_order(trials) if trial.state == "failed"]
    notes += [f"trial {trial.number} failed: {trial.error}" for trial in failed]
    if failed:
        notes.append("--retry_failed tries them again")
    return notes


def _figures(sweep: Sweep, trials: Sequence[Trial], importance: Importance | None) -> dict[str, Figure]:
    figures = {"trials": trials_figure(sweep, trials), "settings": settings_figure(sweep, trials)}
    return figures | ({} if importance is None else {"importance": importance_figure(importance, sweep.name)})


def _write_figure(path: Path, figure: Figure) -> None:
    for suffix in SUFFIXES:
        with written_whole(path.with_suffix(suffix)) as unfinished:
            figure.savefig(unfinished, metadata={"Date": None} if suffix == ".svg" else None)


def _best_config(sweep: Sweep, best: Trial) -> str:
    """YAML of a full training with the settings of a trial."""
    interval = "" if best.interval is None else f", 95 % {best.interval.low:.2%} to {best.interval.high:.2%}"
    left_out = f"\n# Not in here, because only the trials had them: {', '.join(sweep.budget)}." if sweep.budget else ""
    heading = (
        f"# The best of {sweep.trials} trials of the sweep {sweep.name}: {sweep.measure} {best.mean:.2%} over "
        f"{len(best.repeats)} repeats{interval}.{left_out}\n"
    )
    return heading + yaml.safe_dump(sweep.full_settings(best.point), sort_keys=False)
