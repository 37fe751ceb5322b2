"""What ``validate`` and ``test`` need of the settings, beside those of a training."""

from collections.abc import Sequence
from typing import Any

from facerec.cli.arguments import given
from facerec.files import expanded
from facerec.reports.groups import Groups, read_groups


def require_checkpoint(command: str, settings: Any) -> None:
    """Refuse to measure random weights.

    Raises:
        ValueError: if no checkpoint is given.
    """
    if not settings.get("ckpt_path"):
        raise ValueError(f"`facerec {command}` measures a checkpoint: give --ckpt_path runs/NAME, or a file")


def compute_in_float32(settings: Any, arguments: Sequence[str]) -> None:
    """Compute as every other use of the checkpoint does, unless the command line names a precision."""
    if not given(arguments, "trainer.precision"):
        settings.trainer.precision = "32-true"


def groups_for(command: str, settings: Any) -> Groups | None:
    """The groups of people whose error rates are wanted.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be used, or the command is another than ``test``.
    """
    if settings.get("groups") is None:
        return None
    if command != "test":
        raise ValueError(
            f"--groups adds to the numbers of `facerec test`, and {command} has no use for it: leave it out"
        )
    return read_groups(expanded(settings.groups))


def check_stored_threshold(command: str, settings: Any, arguments: Sequence[str]) -> None:
    """Refuse ``--verification.store`` where the threshold would not be that of the checkpoint on all pairs.

    Raises:
        ValueError: naming the setting that excludes it.
    """
    if given(arguments, "model.flip_test"):
        raise ValueError(
            "--verification.store and --model.flip_test cannot be combined: the threshold would not match the "
            "checkpoint's flip setting. Leave one of them out"
        )
    if settings.raw_weights:
        raise ValueError(
            "--verification.store and --raw_weights cannot be combined: the threshold would be that of other weights "
            "than the checkpoint offers. Leave one of them out"
        )
    if command == "validate":
        _refuse_limits(settings.trainer)


def _refuse_limits(trainer: Any) -> None:
    """Refuse settings of a trainer that validate on some of the pairs."""
    limit = trainer.get("limit_val_batches")
    every_batch = limit is None or (isinstance(limit, float) and limit == 1.0)  # 1 is one batch
    limits = ["limit_val_batches"] if not every_batch else []
    limits += [name for name in ("fast_dev_run", "overfit_batches") if trainer.get(name)]
    if limits:
        raise ValueError(
            f"--verification.store and --trainer.{limits[0]} cannot be combined: the threshold would be that of some "
            "of the pairs. Leave one of them out"
        )
