"""The work of one process on a sweep: it takes a trial, trains its repeats, and takes the next."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml
from optuna.trial import TrialState

from facerec.data.sources import PeopleFold
from facerec.files import write_whole
from facerec.plain_text import read_yaml
from facerec.reports.comparison import short_names
from facerec.reports.results import CONFIG
from facerec.reports.runs import read_run
from facerec.run_folders import VERSION, last_checkpoint
from facerec.sweeps.course import RunningRates, is_hopeless, place, value
from facerec.sweeps.definition import Repeat, Sweep
from facerec.sweeps.process import StoppedEarly, error_of, is_interruption, train
from facerec.sweeps.study import Claim, Study
from facerec.sweeps.trials import Finished, Trial

ALIKE = 3  # failures in a row, after which no other trial is begun
Say = Callable[[str], None]


class RepeatFailedError(Exception):
    """A training of a trial failed; the message says why."""


def work(study: Study, sweep: Sweep, say: Say) -> None:
    """Train until nothing is left to begin.

    Args:
        study: that other processes may work on too.
        sweep: that it is of.
        say: called with a line for each event.

    Raises:
        ValueError: if three trials in a row fail alike.
        KeyboardInterrupt: if a training was interrupted.
    """
    failures: list[str] = []
    while True:
        with study.claimed() as claim:
            if claim is None:
                return
            error = _try(claim, study, sweep, say)
        failures = [] if error is None else [*failures, error]
        if len(failures) >= ALIKE and len(set(failures[-ALIKE:])) == 1:
            raise ValueError(
                f"the last {ALIKE} trials failed alike: {error}. Their logs are {study.folder}/trial_*/*.log. Remove "
                "the cause, then go on with --retry_failed"
            )


def _try(claim: Claim, study: Study, sweep: Sweep, say: Say) -> str | None:
    """Train what is left of a trial. Returns why it failed."""
    done = f"  (taken up; {len(claim.finished)} repeats are done)" if claim.finished else ""
    say(f"trial {claim.number}: {point_text(claim.point)}{done}")
    config = _write_config(claim, study, sweep)
    try:
        for number, repeat in enumerate(sweep.repeats):
            if repeat.name not in claim.finished:
                claim.record(repeat, _train(claim, study, sweep, number, config))
                say(f"  {_outcome(claim, repeat, len(sweep.repeats))}{_time_left(study, sweep)}")
            _compare(claim, study, sweep, number)
    except RepeatFailedError as failed:
        claim.end(TrialState.FAIL, error=str(failed))
        say(f"  failed: {failed}\n  see {claim.folder}/*.log")
        return str(failed)
    except StoppedEarly:
        claim.end(TrialState.PRUNED)
        say(f"  stopped early: worse than most others, with {len(claim.finished)} of {len(sweep.repeats)} repeats done")
        return None
    claim.end(TrialState.COMPLETE, fmean(_rates(claim, sweep.repeats)))
    return None


def point_text(point: Mapping[str, Any]) -> str:
    """What a trial tries, in a line.

    Example:
        >>> point_text({"model.loss": "ArcFace", "model.optimizer.init_args.lr": 0.0512345})
        'loss ArcFace, lr 0.05123'
    """
    texts = {name: f"{drawn:.4g}" if isinstance(drawn, float) else str(drawn) for name, drawn in point.items()}
    return ", ".join(f"{short} {text}" for short, text in zip(short_names(list(texts)), texts.values(), strict=True))


def _write_config(claim: Claim, study: Study, sweep: Sweep) -> Path:
    """The configuration of a trial, whose name is that of its experiment."""
    settings = sweep.settings(claim.point)
    kept_here = {"default_root_dir": str(study.folder), "logger": True}
    settings["trainer"] = {**(settings.get("trainer") or {}), **kept_here}
    config = claim.folder / f"{claim.folder.name}.yaml"
    write_whole(config, yaml.safe_dump(settings, sort_keys=False))
    return config


def _train(claim: Claim, study: Study, sweep: Sweep, number: int, config: Path) -> Finished:
    """Train a repeat, or what is left of it."""
    repeat, log = sweep.repeats[number], claim.folder / f"{sweep.repeats[number].name}.log"
    before = run_of_repeat(claim.folder, repeat, resumable=True)
    options = ["--config", str(config), *repeat.options, *(["--ckpt_path", str(before)] if before else [])]
    rates = RunningRates()
    finished = _rates(claim, sweep.repeats[:number])

    def looks_hopeless() -> bool:
        under_way = rates.read(run_of_repeat(claim.folder, repeat))
        for validation in range(1, len(under_way) + 1):
            claim.report(value(finished, under_way[:validation]), place(number, validation))
        return bool(under_way) and _is_hopeless(claim, study, sweep, place(number, len(under_way)), finished, under_way)

    begun = time.monotonic()
    status = train(options, log, claim.lock, looks_hopeless if sweep.prune_after is not None else None)
    seconds = time.monotonic() - begun
    if is_interruption(status):
        raise KeyboardInterrupt
    if status != 0:
        raise RepeatFailedError(error_of(log, status))
    run = run_of_repeat(claim.folder, repeat)
    eer = None if run is None else read_run(run).results.get("validation EER")
    if run is None or not isinstance(eer, float):
        raise RepeatFailedError("no validation EER: a sweep needs validation pairs, and a validation in each training")
    return Finished(eer, str(run), None if before else seconds)


def _compare(claim: Claim, study: Study, sweep: Sweep, number: int) -> None:
    """Stop a trial whose repeats so far are hopeless, unless they were the last."""
    finished = _rates(claim, sweep.repeats[: number + 1])
    claim.report(value(finished), place(number))
    if number + 1 < len(sweep.repeats) and _is_hopeless(claim, study, sweep, place(number), finished):
        raise StoppedEarly


def _is_hopeless(
    claim: Claim, study: Study, sweep: Sweep, where: int, finished: Sequence[float], under_way: Sequence[float] = ()
) -> bool:
    if sweep.prune_after is None:
        return False
    return is_hopeless(value(finished, under_way), study.values_at(where, claim.number), sweep.prune_after)


def run_of_repeat(folder: Path, repeat: Repeat, *, resumable: bool = False) -> Path | None:
    """The newest run of a repeat; None if there is none.

    Args:
        folder: of the trial.
        repeat: told by its seed and its fold.
        resumable: whether the run must have a checkpoint to go on from.
    """
    runs = sorted(folder.glob(f"{VERSION}*"), key=lambda run: run.stat().st_mtime, reverse=True)
    for run in runs:
        if _repeat_of(run) == repeat and (not resumable or last_checkpoint(run) is not None):
            return run
    return None


def _repeat_of(run: Path) -> Repeat | None:
    """Which repeat a run is; None before its settings are written."""
    with suppress(OSError, ValueError):
        settings = read_yaml((run / CONFIG).read_text(encoding="utf-8"), run / CONFIG)
        fold = settings["data"].get("fold")
        return Repeat(int(settings["seed_everything"]), None if fold is None else PeopleFold(**fold))
    return None


def _rates(claim: Claim, repeats: Sequence[Repeat]) -> list[float]:
    return [claim.finished[repeat.name].eer for repeat in repeats]


def _outcome(claim: Claim, repeat: Repeat, of: int) -> str:
    """The line of a repeat that is trained."""
    done = claim.finished[repeat.name]
    mean = fmean(kept.eer for kept in claim.finished.values())
    seconds = "" if done.seconds is None else f"; {done.seconds:.0f} s"
    name = repeat.name.replace("_fold_", ", fold ").replace("_", " ")
    return f"{len(claim.finished)} of {of} ({name}): validation EER {done.eer:.2%}, mean {mean:.2%}{seconds}"


def _time_left(study: Study, sweep: Sweep) -> str:
    left = seconds_left(study.trials(), sweep)
    return "" if left is None else f"; about {minutes(left)} left in one process"


def seconds_left(trials: Sequence[Trial], sweep: Sweep) -> float | None:
    """Time that the other trainings take, one after the other; None before the first is finished.

    Args:
        trials: of the study.
        sweep: that they are of.
    """
    seconds = [done.seconds for trial in trials for done in trial.repeats.values() if done.seconds is not None]
    return runs_left(trials, sweep) * fmean(seconds) if seconds else None


def runs_left(trials: Sequence[Trial], sweep: Sweep) -> int:
    """Number of trainings that are not finished."""
    begun = sum(trial.retries is None for trial in trials)
    open_trials = [trial for trial in trials if trial.state in ("running", "waiting")]
    under_way = sum(len(sweep.repeats) - len(trial.repeats) for trial in open_trials)
    return under_way + max(sweep.trials - begun, 0) * len(sweep.repeats)


def minutes(seconds: float) -> str:
    """A time as text.

    Example:
        >>> minutes(50), minutes(1500), minutes(20_000)
        ('50 s', '25 min', '5.6 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
