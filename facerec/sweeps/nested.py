"""Settings by their full names, put into the nested ones of a configuration."""

import copy
from collections.abc import Mapping
from typing import Any

OF_CLASSES = ("class_path", "init_args", "dict_kwargs")


def with_settings(settings: Mapping[str, Any], *changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings with others in their places. The later ones win.

    Args:
        settings: of a configuration.
        changes: settings by full names. As on the command line, ``init_args`` may be left out, or stand where the
            configuration leaves out the class.

    Raises:
        ValueError: if a name goes on where the configuration has a value.

    Example:
        >>> base = {"model": {"loss": {"class_path": "ArcFace"}, "schedule": {"warmup": 0.1}}}
        >>> with_settings(base, {"model.loss.scale": 32, "model.schedule.init_args.warmup": 0.2})
        {'model': {'loss': {'class_path': 'ArcFace', 'init_args': {'scale': 32}}, 'schedule': {'warmup': 0.2}}}
    """
    changed: dict[str, Any] = copy.deepcopy(dict(settings))
    for name, value in ((name, value) for some in changes for name, value in some.items()):
        *groups, last = name.split(".")
        place = changed
        for depth, group in enumerate(groups):
            if _is_implied(place, group):
                continue
            place = _around(place, group)
            if place.get(group) is None:
                place[group] = {}
            if not isinstance(place[group], dict):
                above = ".".join(groups[: depth + 1])
                raise ValueError(f"{name}: {above} is {place[group]!r} in the configuration, which has no settings")
            place = place[group]
        _around(place, last)[last] = copy.deepcopy(value)
    return changed


def without_init_args(name: str) -> str:
    """A full name without ``init_args``, which may be left out: two names that are alike without it are one setting.

    Example:
        >>> without_init_args("model.loss.init_args.scale")
        'model.loss.scale'
    """
    return name.replace(".init_args.", ".")


def _is_implied(place: Mapping[str, Any], group: str) -> bool:
    """Whether settings of a class stand without ``init_args``, because the class goes without saying."""
    return group == "init_args" and bool(place) and place.keys().isdisjoint(OF_CLASSES)


def _around(place: dict[str, Any], name: str) -> dict[str, Any]:
    """What a setting stands in: the ``init_args`` of a class, if the name leaves them out."""
    if "class_path" not in place or name in OF_CLASSES:
        return place
    place["init_args"] = place.get("init_args") or {}
    around: dict[str, Any] = place["init_args"]
    return around
