"""The scalars that a run logged for TensorBoard."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Scalars = dict[str, list[Any]]
"""TensorBoard's events (``step``, ``value``, ``wall_time``) by the logged name, the oldest first."""
VERDICT = "verdict/"
"""What a run comes to stands under this name in TensorBoard, which sorts by name: behind the curves."""
OF_A_TEST = "test/"


def tag_of(name: str) -> str:
    """What TensorBoard calls a logged value or figure. A test is one dot: before the curves it would hide them.

    Example:
        >>> tag_of("test/lfw/eer"), tag_of("val/lfw/eer")
        ('verdict/test/lfw/eer', 'val/lfw/eer')
    """
    return VERDICT + name if name.startswith(OF_A_TEST) else name


def name_of(tag: str) -> str:
    """What was logged under a tag of TensorBoard; older runs have a test under its own name.

    Example:
        >>> name_of("verdict/test/lfw/eer"), name_of("test/lfw/eer")
        ('test/lfw/eer', 'test/lfw/eer')
    """
    return tag.removeprefix(VERDICT) if tag.startswith(VERDICT + OF_A_TEST) else tag


def read_events(folder: Path) -> tuple[Scalars, float]:
    """The scalars of a run, and the minutes that its training took.

    Of the validation only what the training logged counts: ``facerec validate`` may have measured other data since.
    """
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    scalars: Scalars = {}
    minutes = 0.0
    for file in event_files(folder):
        accumulator = EventAccumulator(str(file), size_guidance={"scalars": 0, "images": 1, "tensors": 1})
        accumulator.Reload()
        tags = accumulator.Tags()["scalars"]
        is_training = any(tag.startswith("train/") for tag in tags)
        wanted = [tag for tag in tags if is_training or name_of(tag).startswith(OF_A_TEST)]
        found = {name_of(tag): accumulator.Scalars(tag) for tag in wanted}
        times = [event.wall_time for events in found.values() for event in events]
        minutes += (max(times) - min(times)) / 60.0 if is_training else 0.0
        for tag, events in found.items():
            scalars.setdefault(tag, []).extend(events)
    return scalars, minutes


def event_files(folder: Path) -> list[Path]:
    """The event files of a run, one for each command, the oldest first."""
    return sorted(folder.glob("events.out.tfevents.*"), key=_written)


def _written(file: Path) -> list[int]:
    """When an event file was begun: the numbers in its name are the second, the process and its count of files."""
    return [int(number) for number in re.findall(r"\d+", file.name)]


def value_at(events: Sequence[Any], step: float) -> float | None:
    """The value logged last up to a step; where a training was resumed, that of the resumed one."""
    places = [place for place, event in enumerate(events) if event.step <= step]
    return float(events[max(places, key=lambda place: (events[place].step, place))].value) if places else None
