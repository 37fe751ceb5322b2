"""A model folder, to give to others: weights in safetensors and their description in JSON. Nothing is unpickled.

The file names are those of the Hugging Face Hub: ``model.safetensors``, ``config.json`` and ``README.md``.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from facerec.files import checksum, write_whole, written_whole

WEIGHTS = "model.safetensors"
DESCRIPTION = "config.json"
README = "README.md"
LIBRARY = "facerec"
FORMAT_VERSION = 1


def is_model_folder(folder: str | Path) -> bool:
    """Whether facerec wrote the folder, by its ``config.json``.

    Example:
        >>> is_model_folder("nowhere")
        False
    """
    try:
        content = json.loads(Path(folder, DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("library_name") == LIBRARY


def write_model_folder(
    folder: str | Path, weights: Mapping[str, Tensor], description: Mapping[str, Any], readme: str
) -> None:
    """Write the three files. The description is last but one: without it the folder is none.

    Args:
        folder: made if it is not there.
        weights: by name.
        description: plain values.
        readme: text for people.
    """
    from safetensors.torch import save_file

    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in weights.items()}  # no shared memory
    with written_whole(Path(folder, WEIGHTS)) as unfinished:
        save_file(own, unfinished, metadata={"format": "pt"})
    content = {
        "library_name": LIBRARY,
        "format_version": FORMAT_VERSION,
        "sha256": checksum(Path(folder, WEIGHTS)),
        **description,
    }
    write_whole(Path(folder, DESCRIPTION), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    write_whole(Path(folder, README), readme)


def read_model_folder(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights by name, mapped from the file, and the description.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if facerec did not write the folder, wrote a newer format, or a file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    weights, described = Path(folder, WEIGHTS), Path(folder, DESCRIPTION)
    for file in (weights, described):
        if not file.is_file():
            raise FileNotFoundError(f"{folder} is no whole model folder: it has no {file.name}")
    try:
        description = json.loads(described.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{described} is damaged: {error}") from error
    if not isinstance(description, dict) or description.get("library_name") != LIBRARY:
        raise ValueError(f"{described} was not written by facerec")
    version = description.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(
            f"{described} has format {version!r}, and facerec reads up to {FORMAT_VERSION}. Update facerec"
        )
    if description.get("sha256") != checksum(weights):
        raise ValueError(f"{weights} is damaged, or not the file that {DESCRIPTION} describes. Copy the folder again")
    try:
        return load_file(weights), description
    except SafetensorError as error:
        raise ValueError(f"{weights} does not load as safetensors: {error}") from error
