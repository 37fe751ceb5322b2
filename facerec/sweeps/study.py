"""The study of a sweep: one folder that several processes and machines share, and that outlives them.

Optuna's journal (``study.journal``) keeps what the trials try and what they gave. A process holds the lock of the trial
that it trains. The training itself inherits the lock, so a trial is free only when nobody trains it any more. A trial
that is under way and free was left by a process that was killed: the next process takes it up.
"""

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, TrialState

from facerec.data.lots import lot
from facerec.files import held
from facerec.settings import flatten
from facerec.sweeps.definition import Sweep
from facerec.sweeps.repeats import Repeat
from facerec.sweeps.space import Point, grid
from facerec.sweeps.trials import Finished, Importance, State, Trial, main_effects

JOURNAL, STUDY_LOCK, TRIAL_LOCK = "study.journal", "study.lock", "lock"
IDENTITY, ERROR, RETRIES, REPEATS = "identity", "error", "retries", "repeats"
STATES: dict[TrialState, State] = {
    TrialState.COMPLETE: "finished",
    TrialState.PRUNED: "stopped early",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
    TrialState.FAIL: "failed",
}
FEWEST_FOR_PED_ANOVA = 20  # finished trials: five are the best quarter


class Claim:
    """A trial that this process trains, and nobody else.

    Args:
        trial: of Optuna.
        point: what it tries.
        folder: of the trial.
        lock: descriptor that its trainings inherit; None without locks in the system.

    Attributes:
        finished: the repeats that are trained, by name.
    """

    def __init__(self, trial: optuna.Trial, point: Point, folder: Path, lock: int | None) -> None:
        self._trial = trial
        self.number = trial.number
        self.point = point
        self.folder = folder
        self.lock = lock
        kept = trial.user_attrs.get(REPEATS, {})
        self.finished: dict[str, Finished] = {name: Finished(**repeat) for name, repeat in kept.items()}

    def record(self, repeat: Repeat, finished: Finished) -> None:
        """Keep what a repeat gave."""
        self.finished[repeat.name] = finished
        self._trial.set_user_attr(REPEATS, {name: kept._asdict() for name, kept in self.finished.items()})

    def report(self, value: float, place: int) -> None:
        """Keep the value at a place of the course of a trial, to compare others with."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a repeat that is resumed comes to a place twice; the first value stays
            self._trial.report(value, place)

    def end(self, state: TrialState, value: float | None = None, error: str | None = None) -> None:
        """Keep how the trial ended."""
        if error is not None:
            self._trial.set_user_attr(ERROR, error)
        self._trial.study.tell(self.number, value, state=state)


class Study:
    """The study of a sweep in its folder.

    Args:
        folder: of the study. It is made.
        sweep: that it is of.

    Raises:
        ValueError: if the folder holds a study of other settings.
    """

    def __init__(self, folder: Path, sweep: Sweep) -> None:
        self.folder = folder
        self.sweep = sweep
        folder.mkdir(parents=True, exist_ok=True)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        journal = str(folder / JOURNAL)
        lock = JournalFileOpenLock(journal) if os.name == "nt" else None  # links need rights on Windows
        self._storage = JournalStorage(JournalFileBackend(journal, lock_obj=lock))
        with held(folder / STUDY_LOCK, wait=True):
            self._study = optuna.create_study(storage=self._storage, study_name=sweep.name, load_if_exists=True)
            identity = json.loads(json.dumps(sweep.identity()))
            kept = self._study.user_attrs.get(IDENTITY)
            if kept is None:
                self._study.set_user_attr(IDENTITY, identity)
        if kept is not None and (changed := _changed(kept, identity)):
            raise ValueError(
                f"{folder} holds a study of other settings ({', '.join(changed[:5])}): its trials cannot be compared "
                "with those of this file. Give the sweep another name"
            )

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether a folder holds a study."""
        return (folder / JOURNAL).is_file()

    def trials(self) -> list[Trial]:
        """All trials, by number."""
        return [_trial(frozen) for frozen in self._study.get_trials(deepcopy=False)]

    def values_at(self, place: int, besides: int) -> list[float]:
        """What the other trials had at a place of their course."""
        trials = self._study.get_trials(deepcopy=False)
        return [
            trial.intermediate_values[place]
            for trial in trials
            if trial.number != besides and place in trial.intermediate_values
        ]

    def retry_failed(self) -> int:
        """Let each failed trial be tried again, once. Returns their number."""
        with held(self.folder / STUDY_LOCK, wait=True):
            trials = self._study.get_trials(deepcopy=False)
            again = {trial.user_attrs.get(RETRIES) for trial in trials}
            failed = [trial for trial in trials if trial.state == TrialState.FAIL and trial.number not in again]
            for trial in failed:
                self._study.enqueue_trial(trial.params, user_attrs={RETRIES: trial.number})
        return len(failed)

    @contextmanager
    def claimed(self) -> Iterator[Claim | None]:
        """A trial for this process: one that was left, else a new one; None where nothing is left to begin."""
        with ExitStack() as locks:
            with held(self.folder / STUDY_LOCK, wait=True):
                claim = self._left(locks) or self._new(locks)
            yield claim

    def _left(self, locks: ExitStack) -> Claim | None:
        """A trial under way whose process is gone."""
        for frozen in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            with suppress(ValueError):  # it is locked: somebody trains it
                lock = locks.enter_context(held(self._trial_folder(frozen.number) / TRIAL_LOCK))
                study_id = self._storage.get_study_id_from_name(self._study.study_name)
                trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, frozen.number)
                return self._claim(optuna.Trial(self._study, trial_id), lock)
        return None

    def _new(self, locks: ExitStack) -> Claim | None:
        """The next trial, or one to try again."""
        trials = self._study.get_trials(deepcopy=False)
        begun = sum(RETRIES not in trial.user_attrs for trial in trials)
        waits = any(trial.state == TrialState.WAITING for trial in trials)
        if not waits and begun >= self.sweep.trials:
            return None
        if not waits and self.sweep.method == "grid":
            self._study.enqueue_trial(grid(self.sweep.space)[begun])
        self._study.sampler = _sampler(self.sweep, begun)
        trial = self._study.ask()
        return self._claim(trial, locks.enter_context(held(self._trial_folder(trial.number) / TRIAL_LOCK)))

    def _claim(self, trial: optuna.Trial, lock: int | None) -> Claim:
        point = {setting.name: setting.suggest(trial) for setting in self.sweep.space}
        return Claim(trial, point, self._trial_folder(trial.number), lock)

    def _trial_folder(self, number: int) -> Path:
        folder = self.folder / f"trial_{number:03d}"
        folder.mkdir(exist_ok=True)
        return folder

    def importance(self) -> Importance | None:
        """How much each setting decides; None for one setting, or where too few trials are finished to say.

        A full grid has main effects. Other trials have PED-ANOVA (Watanabe et al., IJCAI 2023).
        """
        names = [setting.name for setting in self.sweep.space]
        finished = [trial for trial in self.trials() if trial.state == "finished"]
        if len(names) < 2 or not finished:
            return None
        if self.sweep.method == "grid":
            if len(finished) < len(grid(self.sweep.space)):
                return None
            return Importance("share of the variance that a setting explains alone", main_effects(names, finished))
        if len(finished) < FEWEST_FOR_PED_ANOVA:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it was experimental before Optuna 5
            evaluator = PedAnovaImportanceEvaluator(target_quantile=0.25)
            shares = dict(get_param_importances(self._study, evaluator=evaluator))
        return Importance("importance for being among the best quarter (PED-ANOVA)", shares)


def _sampler(sweep: Sweep, number: int) -> BaseSampler:
    """What draws a trial: from the seed and its number, so that no two processes draw the same."""
    seed = lot(sweep.seed, "trial", number) % 2**32
    if sweep.method != "tpe":
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both options were experimental before Optuna 5
        return TPESampler(seed=seed, multivariate=True, constant_liar=True)


def _trial(frozen: FrozenTrial) -> Trial:
    kept = frozen.user_attrs.get(REPEATS, {})
    return Trial(
        number=frozen.number,
        state=STATES[frozen.state],
        point=dict(frozen.params),
        repeats={name: Finished(**repeat) for name, repeat in kept.items()},
        error=frozen.user_attrs.get(ERROR),
        retries=frozen.user_attrs.get(RETRIES),
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Names of what is not the same."""
    one, other = flatten(dict(before)), flatten(dict(after))
    return [name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]
