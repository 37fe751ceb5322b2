"""Runs that repeat one another: the same settings but for the seed, the fold of people or the validation group."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from statistics import fmean, stdev

from facerec.reports.comparison import NOT_A_SETTING
from facerec.reports.runs import Run

REPEATED = re.compile(r"seed_everything$|data\.fold\.index$|data\.(.+\.)?init_args\.(fold|validation)$")
"""What may differ between repeats (names of settings)."""
COUNT = "runs"
DEVIATION = "deviation"


def merge_repeats(runs: Sequence[Run]) -> list[Run]:
    """One run for all that differ in seed, fold or validation group alone.

    Its results are means. ``runs`` is their number, ``deviation`` the standard deviation of the test EER, or of the
    validation EER where no run was tested. A second run of the same seed and fold is no repeat and stays apart.

    Args:
        runs: to merge; those that repeat no other stay as they are.

    Example:
        >>> runs = [Run(f"orl/version_{seed}", {"seed_everything": seed}, {"test EER": seed + 0.5}) for seed in (0, 1)]
        >>> [merged] = merge_repeats(runs)
        >>> merged.name, merged.results["test EER"], round(merged.results["deviation"], 3), merged.results["runs"]
        ('orl', 1.0, 0.707, 2)
    """
    return [_merged(group) if len(group) > 1 else group[0] for group in repeat_groups(runs)]


def repeat_groups(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs, those together that differ in seed, fold or validation group alone.

    Example:
        >>> runs = [Run(f"orl/version_{seed}", {"seed_everything": seed, "model.depth": 18}, {}) for seed in (0, 1)]
        >>> [len(group) for group in repeat_groups([*runs, Run("orl/version_2", {"model.depth": 34}, {})])]
        [2, 1]
    """
    seen: Counter[tuple[str, str]] = Counter()
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        alike, repeat = _what_stays(run), _what_repeats(run)
        groups.setdefault((alike, seen[alike, repeat]), []).append(run)
        seen[alike, repeat] += 1
    return list(groups.values())


def repeat_of(settings: Mapping[str, object]) -> dict[str, object]:
    """The settings that may differ between repeats, by their full names."""
    return {name: value for name, value in settings.items() if REPEATED.match(name)}


def _what_stays(run: Run) -> str:
    """Everything that repeats share: settings, how they were tested, and which results they have."""
    settings = {
        name: value
        for name, value in run.settings.items()
        if not name.startswith(NOT_A_SETTING) and not isinstance(value, dict) and not REPEATED.match(name)
    }
    tested = {name: value for name, value in run.results.items() if name.startswith("tested ")}
    return repr((sorted(settings.items()), sorted(tested.items()), _rate_name([run])))


def _what_repeats(run: Run) -> str:
    return repr(sorted(repeat_of(run.settings).items()))


def _rate_name(runs: Iterable[Run]) -> str | None:
    """The rate that is compared: of the test, else of the validation."""
    names = ("test EER", "validation EER")
    return next((name for name in names if all(name in run.results for run in runs)), None)


def _merged(runs: Sequence[Run]) -> Run:
    first = runs[0]
    results: dict[str, float | str] = {name: value for name, value in first.results.items() if name != "95% interval"}
    for name, value in first.results.items():
        values = [found for run in runs if isinstance(found := run.results.get(name), (int, float))]
        if isinstance(value, (int, float)):
            results[name] = round(fmean(values)) if name == "parameters" else fmean(values)
    if rate := _rate_name(runs):
        results[DEVIATION] = stdev(float(run.results[rate]) for run in runs)
    several = {name: _each(run.settings.get(name) for run in runs) for name in repeat_of(first.settings)}
    return Run(shared_name(runs), first.settings | several, results | {COUNT: len(runs)})


def _each(values: Iterable[object]) -> object:
    """The value that all share, or the different ones as text."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else ", ".join(map(str, different))


def shared_name(runs: Sequence[Run]) -> str:
    """The experiment of runs that repeat one another, or the beginning that the names of their experiments share."""
    experiments = [run.name.rpartition("/")[0] or run.name for run in runs]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*experiments, strict=False))
    shared = "".join(letters[0] for letters in alike)
    return shared if shared in experiments else shared.rstrip("_-0123456789") or f"{runs[0].name}, ..."
