"""The training of one repeat of a trial, and the run that it leaves."""

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from facerec.reports.runs import read_run
from facerec.reports.surroundings import read_starts
from facerec.run_folders import VERSION, last_checkpoint
from facerec.sweeps.course import RunningRates
from facerec.sweeps.definition import DEV_ERROR, VALIDATION_EER
from facerec.sweeps.process import error_of, is_interruption, train
from facerec.sweeps.repeats import Repeat
from facerec.sweeps.trials import Finished

Judge = Callable[[Sequence[float]], bool]
"""Whether a training is hopeless, by the EERs of its validations so far."""


class RepeatFailedError(Exception):
    """A training of a trial failed; the message says why."""


def train_repeat(
    config: Path, repeat: Repeat, lock: int | None, judge: Judge | None, measure: str = VALIDATION_EER
) -> Finished:
    """Train a repeat, or what is left of it, in a process of its own. Its run lies beside the configuration.

    Args:
        config: configuration of the trial.
        repeat: which one.
        lock: descriptor that the training inherits.
        judge: asked after each validation; None trains to the end.
        measure: what the training is judged by.

    Raises:
        RepeatFailedError: if it fails, or gives no such number.
        StoppedEarly: if the judge finds it hopeless.
        KeyboardInterrupt: if somebody interrupted the training itself.
    """
    folder = config.parent
    before = run_of_repeat(folder, repeat, resumable=True)
    options = ["--config", str(config), *repeat.options, *(["--ckpt_path", str(before)] if before else [])]
    log, rates, begun = folder / f"{repeat.name}.log", RunningRates(), time.monotonic()

    def is_hopeless() -> bool:
        under_way = rates.read(run_of_repeat(folder, repeat))
        return judge is not None and bool(under_way) and judge(under_way)

    status = train(options, log, lock, None if judge is None else is_hopeless)
    if is_interruption(status):
        raise KeyboardInterrupt
    if status != 0:
        raise RepeatFailedError(error_of(log, status))
    run = run_of_repeat(folder, repeat)
    return Finished(_measured(run, measure), str(run), None if before else time.monotonic() - begun)


def _measured(run: Path | None, measure: str) -> float:
    """What a run is judged by.

    Raises:
        RepeatFailedError: if it was not measured.
    """
    results = {} if run is None else read_run(run).results
    found = results.get("dev accuracy" if measure == DEV_ERROR else measure)
    if not isinstance(found, float):
        needs = "dev images" if measure == DEV_ERROR else "validation pairs"
        raise RepeatFailedError(f"no {measure}: a sweep needs {needs}, and a validation in each training")
    return 1.0 - found if measure == DEV_ERROR else found


def run_of_repeat(folder: Path, repeat: Repeat, *, resumable: bool = False) -> Path | None:
    """The newest run of a repeat; None if there is none.

    Args:
        folder: of the trial.
        repeat: told by its seed, its fold and its own settings.
        resumable: whether the run must have a checkpoint to go on from.
    """
    runs = sorted(folder.glob(f"{VERSION}*"), key=lambda run: run.stat().st_mtime, reverse=True)
    for run in runs:
        if _is_of(run, repeat) and (not resumable or last_checkpoint(run) is not None):
            return run
    return None


def _is_of(run: Path, repeat: Repeat) -> bool:
    """Whether a run was started with the options of a repeat; False before it says so.

    Its settings would not tell: the name of a class, or of a run to start from, stands there in full.
    """
    starts = read_starts(run)
    return bool(starts) and set(repeat.options) <= set(shlex.split(starts[0].get("command", "")))
