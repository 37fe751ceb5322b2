"""Reading checkpoints, which may come from elsewhere."""

from pathlib import Path
from typing import Any

import torch


def load_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a checkpoint holds, on the CPU and mapped from the file; no code of it is run.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not load, or holds no weights.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no checkpoint {path}")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises anything from RuntimeError to UnpicklingError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} does not load as a checkpoint of `facerec fit`: {reason}") from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise ValueError(f"{path} is not a checkpoint of `facerec fit`: it holds no state_dict")
    return checkpoint
