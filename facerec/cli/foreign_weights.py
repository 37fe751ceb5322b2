"""Files of weights that another library wrote: safetensors, or tensors by name alone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from facerec.checkpoints import CARD_KEY, load_plain
from facerec.model_folders import is_model_folder

SAFETENSORS = ".safetensors"
OF_LIGHTNING = "pytorch-lightning_version"
STATE = "state_dict"


def read_foreign(path: str | Path) -> dict[str, Tensor] | None:
    """Weights by the names of the library that wrote them, without running code from the file.

    Args:
        path: a ``.safetensors`` file, or what ``torch.save`` made of a state dict, which may stand under the key
            ``state_dict``.

    Returns:
        The weights; None if the file is a checkpoint of Lightning, as those of ``facerec fit`` are, or has no tensors.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it does not load, or is damaged.
    """
    if Path(path).suffix == SAFETENSORS and not is_model_folder(Path(path).parent):
        return _read_safetensors(path)
    content = load_plain(path)
    if not isinstance(content, dict) or {CARD_KEY, OF_LIGHTNING} & content.keys():
        return None
    return _tensors(content[STATE] if isinstance(content.get(STATE), dict) else content) or None


def _read_safetensors(path: str | Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError  # only this kind of file needs it
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        return _tensors(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path} does not load as safetensors: {error}") from error


def _tensors(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """The weights of a state dict, without what DistributedDataParallel puts before their names."""
    return {str(name).removeprefix("module."): value for name, value in state.items() if isinstance(value, Tensor)}
