"""What a training ends with: the best epoch and its numbers, where the checkpoint is, and what to do next."""

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from facerec.callbacks.averages import average_of, offered
from facerec.callbacks.evaluation import data_of, recognizer_of
from facerec.callbacks.figure_loggers import tensorboards
from facerec.callbacks.pace import about, epochs_of
from facerec.callbacks.verification import Verification
from facerec.metrics.calibration import Calibration
from facerec.reports.scored import ScoredSet
from facerec.reports.summary import equal_error_interval
from facerec.run_folders import BEST

ACCURACIES = {"val/accuracy": "dev images", "val/accuracy_nearest_mean": "dev images, by nearest class mean"}
Row = tuple[str, str]


@dataclass(frozen=True)
class Validated:
    """What one validation found of the weights that a checkpoint offers.

    Attributes:
        epoch: counted from 1.
        metrics: logged values by name, those of an average under the names of the raw weights.
        calibration: the threshold, or None without pairs.
        scores: scored pairs of each set.
        raw: what is said of the raw weights where the checkpoint offers their average; else empty.
    """

    epoch: int
    metrics: dict[str, float]
    calibration: Calibration | None
    scores: dict[str, ScoredSet] = field(repr=False)
    raw: str = ""


class RunSummary(Callback):
    """Prints a summary when a training has ended, by itself or by a limit. An interrupted training prints none.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[RunSummary()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._chosen = ("", 0.0)
        self._last: Validated | None = None
        self._best: Validated | None = None

    @property
    def best_metrics(self) -> dict[str, float]:
        """What was logged of the best epoch, once the training has ended; empty if it came before a resume."""
        return self._best.metrics if self._best is not None else {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the best checkpoint of a training that is resumed: its validation was not seen here."""
        self._chosen = _choice(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note whether the last validation made its epoch the best."""
        self._keep_best(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note what was found; the checkpoint is chosen later."""
        if trainer.state.fn != "fit" or trainer.sanity_checking or not trainer.is_global_zero:
            return
        average = average_of(trainer)
        stage = "val/" if average is None else f"{average.stage}/"
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self._last = Validated(
            trainer.current_epoch + 1,
            {f"val/{name.removeprefix(stage)}": value for name, value in logged.items() if name.startswith(stage)},
            recognizer_of(pl_module).calibration,
            {name: scored for callback in offered(trainer, Verification) for name, scored in callback.scores.items()},
            "" if average is None else _of_raw_weights(str(average.kind), logged),
        )

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the summary."""
        self._keep_best(trainer)
        if trainer.is_global_zero and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            rows = "\n".join(f"{label:<11} {text}" for label, text in self._rows(trainer))
            print(f"\n{rows}\n", flush=True)

    def _keep_best(self, trainer: Trainer) -> None:
        chosen = _choice(trainer)
        if chosen != self._chosen and self._last is not None:
            self._chosen, self._best = chosen, self._last

    def _rows(self, trainer: Trainer) -> Iterator[Row]:
        passed, steps = about(time.perf_counter() - self._began), int(trainer.estimated_stepping_batches)
        yield "trained", f"{trainer.global_step:,} of {steps:,} steps in {passed}"
        path = _checkpoint_path(trainer.checkpoint_callback)
        if self._best is not None:
            counted = f"{self._best.epoch - 1:03d}"  # Lightning's count
            note = f" ({counted} in file names, which count from 0)" if counted in Path(path).stem else ""
            yield "best epoch", f"{self._best.epoch} of {epochs_of(trainer)}{note}"
            yield from validation_rows(self._best)
        elif path:
            yield "best epoch", f"none: {_why_no_best(trainer)}"
        if path:
            yield "checkpoint", path
        yield from zip(("next", ""), next_commands(trainer, path), strict=False)


def _of_raw_weights(kind: str, logged: dict[str, float]) -> str:
    """What the averaged weights are to be compared with."""
    return f"averaged ({kind})" + (f"; as trained: EER {logged['val/eer']:.2%}" if "val/eer" in logged else "")


def validation_rows(validated: Validated) -> Iterator[Row]:
    """The numbers of the epoch that was chosen: the EER where there are pairs, the dev accuracy where there is one."""
    metrics, several = validated.metrics, len(validated.scores) > 1
    if validated.raw:
        yield "weights", validated.raw
    if several:
        yield "EER", f"{metrics['val/eer']:.2%}, the mean of the sets of validation pairs"
    for name, scored in validated.scores.items():
        (low, high), by = equal_error_interval(scored)
        rate, _ = scored.curve.equal_error_rate()
        interval = f"(95% by {by} {low:.2%} - {high:.2%})"
        yield (
            (f"  {name}", f"{rate:.2%} {interval}") if several else ("EER", f"{rate:.2%} {interval}, validation pairs")
        )
    for name, label in ACCURACIES.items():
        if name in metrics:
            yield "accuracy", f"{metrics[name]:.2%}, {label}"
    if validated.calibration:
        found = validated.calibration
        yield "threshold", f"{found['threshold']:.4f} (FAR {found['far']:.2%}, FRR {found['frr']:.2%} there)"


def next_commands(trainer: Trainer, checkpoint: str) -> Iterator[str]:
    """Commands that go on from here."""
    loggers = tensorboards(trainer)
    if checkpoint:
        run = Path(checkpoint).parent.parent
        is_in_run = any(Path(logger.log_dir).resolve() == run.resolve() for logger in loggers)
        is_best = Path(checkpoint).match(BEST)  # a run stands for its best checkpoint
        place = shlex.quote(str(run if is_in_run and is_best else checkpoint))
        data = data_of(trainer)
        has_threshold = bool(data.pair_sets("val"))  # `verify` needs one
        use = "verify A.jpg B.jpg" if has_threshold else "embed FOLDER --output embeddings.npz"
        command = "test" if data.pair_sets("test") else use
        yield f"facerec {command} --ckpt_path {place}"
    yield from (f"tensorboard --logdir {shlex.quote(logger.save_dir)}" for logger in loggers[:1])


def _why_no_best(trainer: Trainer) -> str:
    data = data_of(trainer)
    if not data.pair_sets("val") and data.dev is None:
        return "there are neither validation pairs nor dev images"
    after = getattr(trainer.checkpoint_callback, "candidates_after", 0.0)
    where = f"the last {1.0 - after:.0%} (checkpoint.candidates_after)" if after else "this training"
    return f"there was no validation in {where}"


def _choice(trainer: Trainer) -> tuple[str, float]:
    """File and score of the best checkpoint so far."""
    checkpoint = trainer.checkpoint_callback
    if not isinstance(checkpoint, ModelCheckpoint) or checkpoint.best_model_score is None:
        return "", 0.0
    return checkpoint.best_model_path, float(checkpoint.best_model_score)


def _checkpoint_path(checkpoint: object) -> str:
    """The best checkpoint, else the last; as short as it can be written."""
    if not isinstance(checkpoint, ModelCheckpoint):
        return ""
    path = checkpoint.best_model_path or checkpoint.last_model_path
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if path and Path(path).is_relative_to(here) else path
