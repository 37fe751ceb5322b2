"""Configuration files: read before anything is parsed, so that an error names the file and the line."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from facerec.plain_text import read_yaml

SECTIONS = (
    "seed_everything",
    "trainer",
    "model",
    "data",
    "checkpoint",
    "verification",
    "finite",
    "average",
    "dashboard",
    "ckpt_path",
    "weights_only",
    "init_from",
    "raw_weights",
    "groups",
)
"""The settings at the top of a configuration."""
FOLLOWS = {
    "model.num_classes": "the number of training people",
    "data.image_size": "model.image_size",
    "data.seed": "seed_everything",
}
"""Settings that cannot be given, and what they follow from."""
OTHER_PROJECTS = ("type", "name", "arch")  # what others say for `class_path`
HOW_TO_START = (
    "facerec does not read configurations of other projects. Start from experiments/orl_resnet18_arcface.yaml or from "
    "`facerec fit --print_config`, and copy the values that you need"
)


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not YAML, holds no settings, belongs to another project, or sets what cannot be set. The
            message names the file, and the line where there is one.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "mine.yaml")
        ...     _ = path.write_text("data: {root: faces}")
        ...     read_config(path)
        {'data': {'root': 'faces'}}
    """
    settings = _load(path)
    if not isinstance(settings, dict):
        raise ValueError(f"{path} holds no settings: expected data:, model: and others, as in experiments/*.yaml")
    if reason := _why_of_another_project(settings):
        raise ValueError(f"{path} is not a configuration of facerec: {reason}. {HOW_TO_START}")
    for name, source in FOLLOWS.items():
        section, _, setting = name.partition(".")
        if isinstance(settings.get(section), dict) and setting in settings[section]:
            raise ValueError(f"{line_of([str(path)], name)}: {follows(name, source)}")
    return settings


def check_config(config: str) -> None:
    """Refuse a value of ``--config`` that is a file and cannot be used. YAML text is left to the parser.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: see :func:`read_config`.

    Example:
        >>> check_config("trainer: {max_epochs: 3}")
        >>> check_config("mine.yml")
        Traceback (most recent call last):
        FileNotFoundError: no configuration file mine.yml
    """
    if not is_text(config):
        read_config(config)


def is_text(config: str) -> bool:
    """Whether a value of ``--config`` is YAML itself, or an address, and not the path of a file.

    Example:
        >>> is_text("data: {root: faces}"), is_text("experiments/mine.yaml")
        (True, False)
    """
    return "\n" in config or (":" in config and not Path(config).exists())


def follows(name: str, source: str) -> str:
    """Why a setting cannot be given.

    Example:
        >>> follows("data.seed", "seed_everything")
        'data.seed cannot be set: it follows from seed_everything'
    """
    return f"{name} cannot be set: it follows from {source}"


def line_of(configs: Sequence[str], name: str, value: str | None = None) -> str | None:
    """File and line where a setting is given, such as ``mine.yaml, line 3``; None if it is given in no file.

    Args:
        configs: values of ``--config``; the last one that gives the setting counts.
        name: full name of the setting, or the end of it.
        value: of the setting; by default any.
    """
    for config in reversed(configs):
        if is_text(config) or not Path(config).is_file():
            continue
        lines = [
            line
            for known, line, given in _settings_of(yaml.compose(Path(config).read_text(encoding="utf-8")))
            if f".{known}".endswith(f".{name}") and value in (None, given)
        ]
        if lines:
            return f"{config}, line {lines[0]}"
    return None


def _load(path: str | Path) -> Any:
    """The content of a YAML file."""
    file = Path(path)
    if file.is_dir():
        raise ValueError(f"{path} is a folder: give the configuration file in it")
    if not file.is_file():
        near = get_close_matches(file.name, [other.name for other in file.parent.glob("*.yaml")], n=1)
        hint = f": did you mean {file.with_name(near[0])}?" if near else ""
        raise FileNotFoundError(f"no configuration file {path}{hint}")
    if file.suffix == ".py":
        raise ValueError(f"{path} is Python code, not YAML. {HOW_TO_START}")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not YAML: it is not UTF-8 text") from error
    try:
        return read_yaml(text, path)
    except ValueError as error:
        if isinstance(error.__cause__, yaml.YAMLError):
            raise ValueError(_syntax_error(file, error.__cause__)) from error
        raise


def _syntax_error(file: Path, error: yaml.YAMLError) -> str:
    """File, line and cause of a syntax error."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return f"{file} is not YAML: {error}"
    lines = file.read_text(encoding="utf-8").splitlines()
    text = lines[mark.line] if mark.line < len(lines) else ""
    problem = getattr(error, "problem", None) or "unknown error"
    if text.startswith("\t") or text.strip(" ").startswith("\t"):
        problem = "it is indented with a tab. Use spaces"
    opened = getattr(error, "context_mark", None)
    since = f" (in what begins at line {opened.line + 1})" if opened and opened.line != mark.line else ""
    return f"{file}, line {mark.line + 1} is not YAML: {problem}{since}"


def _why_of_another_project(settings: Mapping[Any, Any]) -> str | None:
    """What at the top of a configuration is not as in ours; None if it may be ours with a slip."""
    model = settings.get("model")
    if isinstance(model, str):
        return f"its model is {model!r}, where facerec has a group of settings"
    if isinstance(model, dict) and (word := next((word for word in OTHER_PROJECTS if word in model), None)):
        return f"its model has {word!r}, where facerec has a backbone and a loss"
    unknown = [name for name in settings if name not in SECTIONS]
    foreign = [str(name) for name in unknown if not get_close_matches(str(name), SECTIONS, n=1, cutoff=0.75)]
    if foreign and not any(isinstance(settings.get(name), dict) for name in ("trainer", "model", "data")):
        return f"it sets {', '.join(foreign[:5])}, where facerec has trainer, data and model"
    return None


def _settings_of(node: yaml.Node | None, prefix: str = "") -> Iterator[tuple[str, int, str | None]]:
    """Full name, line and value of each setting; None for the value of a group."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _settings_of(entry, prefix)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = f"{prefix}{key.value}"
            yield name, key.start_mark.line + 1, value.value if isinstance(value, yaml.ScalarNode) else None
            yield from _settings_of(value, f"{name}.")
