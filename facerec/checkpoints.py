"""Reading checkpoints, which may come from elsewhere."""

import zipfile
from pathlib import Path
from typing import Any

import torch

EXPORTED = (".onnx", ".pt2")


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU and mapped from the file; no code of it is run.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not load, holds no weights, or is an exported model.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    if Path(path).suffix in EXPORTED:
        raise ValueError(
            f"{path} is what `facerec export` made: this command needs the checkpoint itself (an .onnx will do for "
            "verify, enroll, identify and embed)"
        )
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises anything from RuntimeError to UnpicklingError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if not zipfile.is_zipfile(path):
            reason = "it is no checkpoint at all, or was cut off"
        raise ValueError(f"{path} does not load as a checkpoint of `facerec fit`: {reason}") from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise ValueError(f"{path} is not a checkpoint of `facerec fit`: it holds no state_dict")
    return checkpoint
