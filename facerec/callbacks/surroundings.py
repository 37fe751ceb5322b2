"""Keeps beside a run where and with what it was trained: a number that cannot be traced cannot be trusted."""

import json
import shlex
import sys
from datetime import datetime, timezone
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from facerec.callbacks.figure_loggers import tensorboards
from facerec.files import write_whole
from facerec.machine import this_machine
from facerec.machine.surroundings import surroundings
from facerec.reports.surroundings import SURROUNDINGS, read_starts


class Surroundings(Callback):
    """Writes ``surroundings.json`` into the run: an entry for each start, so one more when it is resumed.

    Example:
        >>> from lightning.pytorch import Trainer
        >>> trainer = Trainer(callbacks=[Surroundings()], logger=False, enable_checkpointing=False, accelerator="cpu")
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the entry. A start that failed before keeps none."""
        for logger in tensorboards(trainer) if trainer.is_global_zero else []:
            starts = [*read_starts(logger.log_dir), _start(trainer)]
            text = json.dumps(starts, indent=2, ensure_ascii=False)
            write_whole(Path(logger.log_dir, SURROUNDINGS), f"{text}\n")


def _start(trainer: Trainer) -> dict[str, str]:
    """What is known at the start of a training."""
    return {
        "begun": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "step": str(trainer.global_step),
        "command": shlex.join(["facerec", *sys.argv[1:]]),
        "devices": f"{trainer.world_size} x {trainer.strategy.root_device.type}, {trainer.precision}",
        **surroundings(this_machine()),
    }
