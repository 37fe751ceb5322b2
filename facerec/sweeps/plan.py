"""What is left of a sweep to do, and how long it takes."""

from collections.abc import Sequence
from statistics import fmean

from facerec.sweeps.definition import Sweep
from facerec.sweeps.trials import Trial


def plan_lines(sweep: Sweep, trials: Sequence[Trial]) -> list[str]:
    """What a sweep tries, and how many trainings that is.

    Args:
        sweep: to describe.
        trials: what is there of it.
    """
    seeds = len({repeat.seed for repeat in sweep.repeats})
    folds = len({repeat.fold for repeat in sweep.repeats})
    choices = f" x {counted(len(sweep.variants), 'choice')} of settings" if sweep.variants else ""
    return [
        *(f"  {setting}" for setting in sweep.space),
        *(f"  {name}: {value} (fixed)" for name, value in sweep.fixed.items()),
        *(f"  {name}: {value} (trials alone)" for name, value in sweep.budget.items()),
        f"{sweep.method}: {counted(sweep.trials, 'trial')} x {counted(len(sweep.repeats), 'repeat')} "
        f"({counted(seeds, 'seed')} x {counted(folds, 'fold')} of people{choices}) "
        f"= {counted(sweep.runs, 'training')}, {runs_left(trials, sweep)} to go",
    ]


def seconds_left(trials: Sequence[Trial], sweep: Sweep) -> float | None:
    """Time that the other trainings take, one after the other; None before the first is finished.

    Args:
        trials: of the study.
        sweep: that they are of.
    """
    seconds = [done.seconds for trial in trials for done in trial.repeats.values() if done.seconds is not None]
    return runs_left(trials, sweep) * fmean(seconds) if seconds else None


def runs_left(trials: Sequence[Trial], sweep: Sweep) -> int:
    """Number of trainings that are not finished. Those of trials that failed or were stopped are none.

    Args:
        trials: of the study.
        sweep: that they are of.
    """
    begun = sum(trial.retries is None for trial in trials)
    open_trials = [trial for trial in trials if trial.state in ("running", "waiting")]
    under_way = sum(len(sweep.repeats) - len(trial.repeats) for trial in open_trials)
    return under_way + max(sweep.trials - begun, 0) * len(sweep.repeats)


def counted(number: int, word: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "seed"), counted(3, "seed")
        ('1 seed', '3 seeds')
    """
    return f"{number} {word}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time as text.

    Example:
        >>> duration(50), duration(1500), duration(20_000)
        ('50 s', '25 min', '5.6 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
