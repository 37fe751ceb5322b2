"""What TensorBoard's HParams tab shows of a run: its settings, and what it came to."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from facerec.callbacks.evaluation import recognizer_of
from facerec.callbacks.figure_loggers import tensorboards
from facerec.callbacks.run_summary import ACCURACIES, RunSummary
from facerec.plain_text import read_yaml
from facerec.reports.events import VERDICT, read_events
from facerec.settings import flatten

SHOWN = ("seed_everything", "init_from", "model.", "data.", "average.", "checkpoint.")
SHOWN_OF_TRAINER = ("max_epochs", "max_steps", "precision", "devices", "accumulate_grad_batches", "gradient_clip_val")
Value = str | float


class HParams(Callback):
    """Writes the settings of a run for TensorBoard's HParams tab, and at its end ``verdict/eer`` and other results.

    One run is one line of the tab, however often it is resumed. The tab also has every other logged value as a column,
    such as ``verdict/test/eer`` once the run was tested. A run without a TensorBoard logger writes nothing.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> callbacks = [RunSummary(), HParams()]  # the results are those of the summary
        >>> trainer = Trainer(callbacks=callbacks, logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    # Not by the logger's log_hyperparams: it also writes a list of columns, and TensorBoard takes that of the first run
    # for all runs, which hides settings of another loss or backbone. Without a list it shows those of all runs.

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the settings, unless the run has written them when it began."""
        configuration = recognizer_of(pl_module).card.configuration
        if trainer.ckpt_path is None and configuration is not None:
            settings = shown_settings(read_yaml(configuration, "the settings"))
            self._write(trainer, settings, is_end=False)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the results."""
        for logger in tensorboards(trainer) if trainer.is_global_zero else []:
            logger.experiment.flush()
            _, minutes = read_events(Path(logger.log_dir))
            for name, value in {**dict(_results(trainer)), "minutes": minutes}.items():
                logger.experiment.add_scalar(f"{VERDICT}{name}", value, trainer.global_step)
        self._write(trainer, {}, is_end=True)

    def _write(self, trainer: Trainer, settings: dict[str, Value], *, is_end: bool) -> None:
        from torch.utils.tensorboard.summary import hparams

        _, start, end = hparams(settings, {})  # type: ignore[no-untyped-call]
        for logger in tensorboards(trainer) if trainer.is_global_zero else []:
            logger.experiment.file_writer.add_summary(end if is_end else start)


def shown_settings(settings: Mapping[str, Any]) -> dict[str, Value]:
    """The settings that decide what a training gives, under their names on the command line, as numbers and text.

    Example:
        >>> loss = {"class_path": "facerec.losses.ArcFace", "init_args": {"scale": 16.0, "margin_warmup": None}}
        >>> model = {"loss": loss, "image_size": [32, 32], "flip_test": True}
        >>> shown_settings({"model": model, "trainer": {"logger": True}})
        {'model.loss': 'ArcFace', 'model.loss.scale': 16.0, 'model.image_size': '[32, 32]', 'model.flip_test': 'true'}
    """
    prefixes = (*SHOWN, *(f"trainer.{name}" for name in SHOWN_OF_TRAINER))
    shown: dict[str, Value] = {}
    for name, value in flatten(dict(settings)).items():
        if value is None or not name.startswith(prefixes):
            continue
        if name.endswith(".class_path"):
            name, value = name.removesuffix(".class_path"), str(value).rpartition(".")[2]
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        shown[name.replace(".init_args", "")] = float(value) if is_number else _text(value)
    return shown


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _results(trainer: Trainer) -> Iterator[tuple[str, float]]:
    """EER and dev accuracy of the checkpoint that was kept, where they were measured."""
    summaries = [each for each in trainer.callbacks if isinstance(each, RunSummary)]  # type: ignore[attr-defined]
    found = dict(summaries[0].best_metrics) if summaries else {}
    choice = trainer.checkpoint_callback
    if isinstance(choice, ModelCheckpoint) and choice.best_model_score is not None:
        stage, _, name = str(choice.monitor).partition("/")
        found |= {f"val/{name}": float(choice.best_model_score)} if stage.startswith("val") else {}
    for logged, result in (("val/eer", "eer"), *((name, "accuracy") for name in ACCURACIES)):
        if logged in found:
            yield result, found[logged]
