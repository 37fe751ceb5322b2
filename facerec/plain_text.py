"""YAML and JSON from elsewhere, read without running code.

Refused is what does not read, and YAML of which a few lines stand for millions of values.
"""

import json
from typing import Any

import yaml

MOST_CHARACTERS = 200_000
MOST_VALUES = 100_000


def read_yaml(text: str, origin: object) -> Any:
    r"""The value of a YAML text.

    An alias (``*name``) stands for its value once more. Ten lines of aliases of aliases can stand for 10^10 values.

    Args:
        text: the YAML.
        origin: file of the text, for messages.

    Raises:
        ValueError: naming the file, if it is not YAML, too long, too deep, or stands for too many values.

    Example:
        >>> read_yaml("a: &size [112, 112]\nb: *size", "small.yaml")
        {'a': [112, 112], 'b': [112, 112]}
        >>> read_yaml("a: [", "small.yaml")
        Traceback (most recent call last):
        ValueError: small.yaml is not YAML: while parsing a flow node ...
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"{origin} is too long for settings: {len(text):,} characters, more than {MOST_CHARACTERS:,}")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None and _values(root, {}) > MOST_VALUES:
            raise ValueError(
                f"{origin} stands for more than {MOST_VALUES:,} values: its aliases (*name) repeat too much"
            )
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{origin} is not YAML: {error}") from error
    except RecursionError:
        raise ValueError(f"{origin} has too many settings in settings") from None


def read_json(text: str | bytes, origin: object) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: naming the file, if it is not JSON.

    Example:
        >>> read_json('{"a": 1}', "small.json")
        {'a': 1}
        >>> read_json("[" * 100_000, "small.json")
        Traceback (most recent call last):
        ValueError: small.json is not JSON: it is nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{origin} is not JSON: it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"{origin} is not JSON: {error}") from error


def _values(node: yaml.Node, known: dict[int, float]) -> float:
    """Number of values that a node stands for; infinite for a node in itself."""
    if id(node) not in known:
        known[id(node)] = float("inf")  # until it is counted
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for entry in inner for part in (entry if isinstance(entry, tuple) else (entry,))]
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]
