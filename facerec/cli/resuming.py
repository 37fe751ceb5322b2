"""A training that goes on: from which checkpoint, whether anything is left to do, and what is no longer the same."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from facerec.callbacks import position
from facerec.checkpoints import ModelCard, load_checkpoint, require_training_state
from facerec.cli.runs import RUNS, chosen_checkpoint
from facerec.plain_text import read_yaml
from facerec.run_folders import CHECKPOINTS
from facerec.run_folders import LAST as LAST_NAME
from facerec.settings import flatten

LAST = "last"
DAMAGED = ".damaged"
# Settings that decide what a training computes, beside those of the model, which the checkpoint keeps.
DECIDES = (
    "average.",
    "data.",
    "seed_everything",
    "trainer.accumulate_grad_batches",
    "trainer.devices",
    "trainer.gradient_clip_val",
    "trainer.limit_train_batches",
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.num_nodes",
    "trainer.precision",
)
DECIDES_NOT = ("data.num_workers", "data.eval_batch_size", "data.test_pairs", "data.num_classes")


class TrainingFinishedError(Exception):
    """Nothing is left to do for a training that is resumed."""


def folder_of_last(runs: str, experiment: str | None) -> str:
    """The folder that ``--ckpt_path last`` means: that of the experiment, else that of the newest run.

    Raises:
        FileNotFoundError: if there is no run to go on with.
    """
    if experiment is not None:
        return str(Path(runs, experiment))
    folders = [path.parent for path in Path(runs).glob(f"*/*/{CHECKPOINTS}")]
    if not folders:
        raise FileNotFoundError(f"--ckpt_path last: {runs}/ holds no run of `facerec fit` to go on with")
    return str(max(folders, key=lambda folder: (folder / CHECKPOINTS).stat().st_mtime))


def checkpoint_to_resume(path: str, experiment: str | None) -> str:
    """The checkpoint file from which ``--ckpt_path`` lets a training go on.

    Args:
        path: checkpoint file, folder of a run or of an experiment, or ``last``.
        experiment: name of the experiment; None if no configuration names one.

    Raises:
        ValueError: if the checkpoint is damaged, and no other is there.
        FileNotFoundError: if there is none.
    """
    folder = folder_of_last(RUNS, experiment) if path == LAST else path
    return sound_checkpoint(chosen_checkpoint(folder, resume=True))


def sound_checkpoint(path: str) -> str:
    """The checkpoint itself; if it is damaged, the one before it in the same folder, with a warning.

    The damaged file is kept under another name.

    Raises:
        ValueError: if it is damaged, and no other is there.
        FileNotFoundError: if it does not exist.
    """
    try:
        load_checkpoint(path)
        return path
    except ValueError as error:
        before = _latest_sound(Path(path).parent, Path(path))
        if before is None:
            raise
        rank_zero_warn(f"{error}. The training goes on from the checkpoint before it: {before}")
    _set_aside(Path(path))
    return str(before)


def _latest_sound(folder: Path, besides: Path) -> Path | None:
    """The checkpoint of a run with the most steps behind it, of those that load."""
    if folder.name != CHECKPOINTS:
        return None
    steps = {}
    for file in folder.glob("[!.]*.ckpt"):
        with suppress(ValueError):
            if file != besides:
                steps[file] = int(load_checkpoint(file).get("global_step", 0))
    return max(steps, key=lambda file: steps[file], default=None)


@rank_zero_only
def _set_aside(damaged: Path) -> None:
    with suppress(OSError):
        os.replace(damaged, damaged.with_name(damaged.name + DAMAGED))


class Resumption:
    """What a checkpoint says about the training that goes on from it.

    Args:
        path: of the checkpoint.

    Raises:
        ValueError: if the checkpoint is none of a training.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        checkpoint = load_checkpoint(path)
        require_training_state(checkpoint, path, resumes=True)
        self._fit_loop: dict[str, Any] = checkpoint["loops"]["fit_loop"]
        self.step = int(checkpoint["global_step"])
        self._configuration = ModelCard.from_checkpoint(checkpoint, path).configuration

    @property
    def next_logged_step(self) -> int:
        """The step that is logged first. What was logged at it or later is superseded."""
        return position.next_logged_step(self._fit_loop)

    def require_unfinished(self, trainer: Mapping[str, Any]) -> None:
        """See that something is left to do.

        Args:
            trainer: settings of the trainer.

        Raises:
            TrainingFinishedError: naming the setting that would let the training go on.
        """
        epochs, max_epochs = position.epochs_done(self._fit_loop), trainer.get("max_epochs")
        max_steps = trainer.get("max_steps", -1)
        if max_epochs is not None and 0 <= max_epochs <= epochs:
            done, name = f"{epochs} of {max_epochs} epochs are trained", "max_epochs"
        elif max_steps is not None and 0 <= max_steps <= self.step:
            done, name = f"{self.step} of {max_steps} steps are trained", "max_steps"
        else:
            return
        raise TrainingFinishedError(
            f"{self.path} is of a finished training: {done}. To train on, give a larger --trainer.{name}"
        )

    def warn_of_superseded(self) -> None:
        """Warn if the run has come further than the checkpoint."""
        last = Path(self.path).with_name(LAST_NAME)
        if last == Path(self.path) or last.parent.name != CHECKPOINTS or not last.is_file():
            return
        with suppress(ValueError):
            step = int(load_checkpoint(last).get("global_step", 0))
            if step > self.step:
                rank_zero_warn(
                    f"{self.path} is of step {self.step}, and {last} of step {step}. The training goes on from the "
                    "first: what was logged after it is superseded. Better checkpoints of those steps stay the best"
                )

    def changes(self, settings: Mapping[str, Any]) -> list[str]:
        """Settings that decide what is computed and are no longer those of the checkpoint, each with both values.

        Args:
            settings: of the training that goes on, as plain values.
        """
        if self._configuration is None:
            return []
        before, after = flatten(read_yaml(self._configuration, f"the configuration in {self.path}")), flatten(settings)
        names = sorted(before.keys() | after.keys())
        # Where a checkpoint of an earlier facerec lacks a setting, that is off
        changed = [key for key in names if (before.get(key) or None) != (after.get(key) or None)]
        return [
            f"{key} {before.get(key)} becomes {after.get(key)}"
            for key in changed
            if key.startswith(DECIDES) and not key.startswith(DECIDES_NOT)
        ]

    def warn_of_changes(self, settings: Mapping[str, Any]) -> None:
        """Warn if the training goes on in another way than it began."""
        if changes := self.changes(settings):
            rank_zero_warn(
                f"the training goes on with other settings, so it is not the one that would have run without a break: "
                f"{'; '.join(changes)}"
            )


def checkpoint_of(path: str, command: str, experiment: str | None) -> str:
    """The checkpoint file that ``--ckpt_path`` means to a command."""
    return checkpoint_to_resume(path, experiment) if command == "fit" else chosen_checkpoint(path)
