"""Settings given twice: which wins is said, or refused where the user cannot have meant it."""

from typing import Any

from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from facerec.cli.arguments import given

SOURCES = ("train", "dev", "val_pairs", "test_pairs")


def replace_sources(data: Any, arguments: list[str]) -> None:
    """Let ``--data.root`` on the command line take the place of sources that a file or checkpoint names."""
    if data.root is None or not given(arguments, "data.root"):
        return
    replaced = [name for name in SOURCES if data.get(name) is not None and not given(arguments, f"data.{name}")]
    for name in replaced:
        data[name] = None
    if replaced:
        rank_zero_info(f"--data.root {data.root} replaces data.{', data.'.join(replaced)}")


def require_same_loss(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to go on with a training under another loss: its class is part of what the checkpoint keeps.

    Raises:
        ValueError: naming both losses.
    """
    asked, kept = before.get("loss.class_path"), after.get("loss.class_path")
    if asked != kept:
        raise ValueError(
            f"--model.loss {asked}: --ckpt_path goes on with {kept}, the loss of the checkpoint. To train its network "
            "with another loss, start a new training with --init_from in place of --ckpt_path"
        )


def warn_of_overridden(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Warn of each setting of the model that the checkpoint has changed."""
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key) and key != "num_classes":
            rank_zero_warn(
                f"the checkpoint overrides model.{key}: {before.get(key)!r} becomes {after.get(key)!r}. A checkpoint "
                "keeps the hyperparameters of its training: to change them, start a new training with --init_from"
            )
