"""The settings of a training: kept with its run and in its checkpoints, and read from there."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback
from lightning.pytorch.utilities import rank_zero_info

from facerec.callbacks.evaluation import recognizer_of
from facerec.callbacks.figure_loggers import tensorboards
from facerec.checkpoints import read_card
from facerec.cli.resuming import Resumption
from facerec.cli.training_parser import CALLBACKS
from facerec.data import FaceDataModule
from facerec.model_folders import is_model_folder
from facerec.plain_text import read_yaml
from facerec.recognizer import FaceRecognizer
from facerec.trust import require_trusted

PARTS: dict[str, type] = {
    "model": FaceRecognizer,
    "data": FaceDataModule,
    "trainer": Trainer,
    **CALLBACKS,
}
EXTENSIONS = ("callbacks", "logger", "plugins", "profiler", "strategy")  # of a trainer, by classes that it builds


class SaveConfig(SaveConfigCallback):
    """Keeps the effective configuration: beside the run, as text in TensorBoard, and in every checkpoint."""

    _resumed: str | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save the file of a training; an evaluation leaves the training's own file alone."""
        if trainer.state.fn == "fit":
            self._resumed, self.config.ckpt_path = self.config.ckpt_path, None  # the file is for new trainings too
            if self._resumed:
                Resumption(str(self._resumed)).warn_of_changes(read_yaml(self._yaml, "the settings"))
            super().setup(trainer, pl_module, stage)

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Add it to TensorBoard."""
        for logger in [] if self._resumed else tensorboards(trainer):
            text = "\n".join(f"    {line}" for line in self._yaml.splitlines())  # Markdown code
            logger.experiment.add_text("config", text)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print where the run is kept: not earlier, because a start that fails keeps nothing."""
        for logger in tensorboards(trainer):
            rank_zero_info(f"This run is kept in {logger.log_dir}")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put it into the model card, as text."""
        recognizer = recognizer_of(pl_module)
        recognizer.card = replace(recognizer.card, configuration=self._yaml)

    @cached_property
    def _yaml(self) -> str:
        return str(self.parser.dump(self.config, skip_unset=False))


def from_checkpoint(path: str, command: str, trust: Sequence[str] = ()) -> str:
    """The configuration (YAML) that a checkpoint was trained with.

    To go on training takes all of it. A measurement leaves out what the trainer was extended with: it is not needed,
    and a checkpoint of someone else's could name any class there.

    Args:
        path: the checkpoint.
        command: ``fit``, ``validate`` or ``test``.
        trust: modules whose classes it may name, see :mod:`facerec.trust`.

    Raises:
        FileNotFoundError: if there is no such checkpoint.
        ValueError: if it is no checkpoint, holds no configuration, or names a class that is not trusted.
    """
    configuration = read_card(path).configuration
    if configuration is None and is_model_folder(Path(path).parent):
        raise ValueError(
            f"{path} is of a model folder, which holds no training: {command} needs the checkpoint. `facerec predict "
            "--pairs` scores pairs with the folder, and `facerec fit --init_from` trains on from it"
        )
    if configuration is None:
        raise ValueError(f"{path} was not written by `facerec fit`: give the --config it was trained with")
    settings = read_yaml(configuration, f"the configuration in {path}")
    if not isinstance(settings, dict):
        raise ValueError(f"{path} is damaged: its configuration holds no settings")
    for part in PARTS:
        if not isinstance(settings.get(part) or {}, dict):
            raise ValueError(f"{path} is damaged: {part} of its configuration holds no settings")
    for belongs_to_the_run in ("ckpt_path", "weights_only"):
        settings.pop(belongs_to_the_run, None)
    if command != "fit":
        for of_the_start in ("init_from", "raw_weights", "groups"):
            settings.pop(of_the_start, None)
        settings["trainer"] = _without_extensions(settings.get("trainer") or {})
    for part, kind in PARTS.items():
        require_trusted(kind, settings.get(part) or {}, path, trust, part)
    return yaml.safe_dump(settings, sort_keys=False)


def _without_extensions(trainer: dict[str, Any]) -> dict[str, Any]:
    """Settings of a trainer without those that name classes; ``logger: false`` and ``accelerator: cpu`` name none.

    Nor does it keep the number of machines: one is enough to measure.
    """
    accelerator = str(trainer.get("accelerator"))
    extended = {name for name in EXTENSIONS if not isinstance(trainer.get(name), bool)}
    extended |= {"num_nodes"} if accelerator.isidentifier() else {"num_nodes", "accelerator"}
    return {name: value for name, value in trainer.items() if name not in extended}
