"""The work of one process on a sweep: it takes a trial, trains its repeats, and takes the next."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import yaml
from optuna.trial import TrialState

from facerec.files import write_whole
from facerec.sweeps.course import is_hopeless, place, value
from facerec.sweeps.plan import counted, duration, seconds_left
from facerec.sweeps.process import StoppedEarly
from facerec.sweeps.repeats import Repeat
from facerec.sweeps.space import point_text
from facerec.sweeps.study import Claim, Study
from facerec.sweeps.training import Judge, RepeatFailedError, train_repeat
from facerec.sweeps.trials import Finished

ALIKE = 3  # failures in a row, after which no other trial is begun
Say = Callable[[str], None]
Train = Callable[[Path, Repeat, int | None, Judge | None], Finished]


class SweepWork:
    """The work of one process on a sweep.

    Args:
        study: that other processes may work on too.
        say: called with a line for each event.
        train: trains a repeat; by default :func:`facerec.sweeps.training.train_repeat`.
    """

    def __init__(self, study: Study, say: Say, train: Train | None = None) -> None:
        self._study = study
        self._sweep = study.sweep
        self._say = say
        self._train = train or partial(train_repeat, measure=self._sweep.measure)

    def run(self) -> None:
        """Train until nothing is left to begin.

        Raises:
            ValueError: if three trials in a row fail alike.
            KeyboardInterrupt: if a training was interrupted.
        """
        failures: list[str] = []
        while True:
            with self._study.claimed() as claim:
                if claim is None:
                    return
                error = self._try(claim)
            failures = [] if error is None else [*failures, error]
            if len(failures) >= ALIKE and len(set(failures[-ALIKE:])) == 1:
                raise ValueError(
                    f"the last {ALIKE} trials failed alike: {error}. See {self._study.folder}/trial_*/*.log. Remove "
                    "the cause, then go on with --retry_failed"
                )

    def _try(self, claim: Claim) -> str | None:
        """Train what is left of a trial. Returns why it failed."""
        done, of = len(claim.finished), len(self._sweep.repeats)
        taken_up = f"  (taken up with {done} of {counted(of, 'repeat')} done)" if done else ""
        self._say(f"trial {claim.number}: {point_text(claim.point)}{taken_up}")
        config = self._write_config(claim)
        try:
            for number, repeat in enumerate(self._sweep.repeats):
                if repeat.name not in claim.finished:
                    claim.record(repeat, self._train(config, repeat, claim.lock, self._judge(claim, number)))
                    self._say(f"  {self._outcome(claim, repeat)}")
                self._judge_end(claim, number)
        except RepeatFailedError as failed:
            claim.end(TrialState.FAIL, error=str(failed))
            self._say(f"  failed: {failed}\n  see {claim.folder}/*.log")
            return str(failed)
        except StoppedEarly:
            claim.end(TrialState.PRUNED)
            self._say(f"  stopped early, with {len(claim.finished)} of {counted(of, 'repeat')} done: worse than most")
            return None
        claim.end(TrialState.COMPLETE, fmean(self._rates(claim, of)))
        return None

    def _write_config(self, claim: Claim) -> Path:
        """The configuration of a trial. Its name is that of the experiment, and its runs go beside it."""
        settings = self._sweep.settings(claim.point)
        kept_here = {"default_root_dir": str(self._study.folder), "logger": True}
        settings["trainer"] = {**(settings.get("trainer") or {}), **kept_here}
        config = claim.folder / f"{claim.folder.name}.yaml"
        write_whole(config, yaml.safe_dump(settings, sort_keys=False))
        return config

    def _rates(self, claim: Claim, count: int) -> list[float]:
        """EER of the first repeats."""
        return [claim.finished[repeat.name].eer for repeat in self._sweep.repeats[:count]]

    def _judge(self, claim: Claim, number: int) -> Judge | None:
        """What stops a repeat under way; None where nothing does."""
        if self._sweep.prune_after is None:
            return None
        finished = self._rates(claim, number)

        def judge(under_way: Sequence[float]) -> bool:
            values = [value(finished, under_way[:count]) for count in range(1, len(under_way) + 1)]
            for validation, own in enumerate(values, start=1):
                claim.report(own, place(number, validation))
            return self._is_hopeless(claim, values[-1], place(number, len(values)))

        return judge

    def _judge_end(self, claim: Claim, number: int) -> None:
        """Stop a trial whose repeats so far are hopeless, unless they were the last."""
        own, where = value(self._rates(claim, number + 1)), place(number)
        claim.report(own, where)
        if number + 1 < len(self._sweep.repeats) and self._is_hopeless(claim, own, where):
            raise StoppedEarly

    def _is_hopeless(self, claim: Claim, own: float, where: int) -> bool:
        after = self._sweep.prune_after
        return after is not None and is_hopeless(own, self._study.values_at(where, claim.number), after)

    def _outcome(self, claim: Claim, repeat: Repeat) -> str:
        """The line of a repeat that is trained."""
        done, rates = claim.finished[repeat.name], [kept.eer for kept in claim.finished.values()]
        fold = f", fold {repeat.fold.index}" if repeat.fold else ""
        own = f", settings {repeat.variant.number}" if repeat.variant else ""
        line = (
            f"{len(rates)} of {len(self._sweep.repeats)} (seed {repeat.seed}{fold}{own}): "
            f"{self._sweep.measure} {done.eer:.2%}, mean {fmean(rates):.2%}"
        )
        left = seconds_left(self._study.trials(), self._sweep)
        return line + ("" if not left else f"; about {duration(left)} left in one process")
