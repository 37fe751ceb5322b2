"""One table of finished runs: the settings in which they differ, and what each of them gave."""

import csv
import io
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from facerec.checkpoints import load_checkpoint

CONFIG, METRICS = "config.yaml", ("test/metrics.json", "metrics.json")
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
NOT_A_SETTING = (
    "ckpt_path",
    "weights_only",
    "data.num_workers",
    "trainer.default_root_dir",
    "trainer.enable_",
    "trainer.log_every_n_steps",
    "trainer.logger",
)
"""What changes nothing in the result (beginnings of names)."""
SCALARS = {
    "dev accuracy": ("test/accuracy", "val/accuracy", "test/accuracy_nearest_mean", "val/accuracy_nearest_mean"),
    "validation EER": ("val/eer",),
    "test EER": ("test/eer",),
}
RESULTS = ("dev accuracy", "validation EER", "test EER", "95% interval", "minutes", "parameters")
EMPTY = ""


class Run(NamedTuple):
    """What a run left behind.

    Attributes:
        name: ``NAME/version_K``.
        settings: every setting by its full name, ``model.backbone.init_args.depth``.
        results: those of ``RESULTS`` that are known; rates as fractions.
    """

    name: str
    settings: dict[str, Any]
    results: dict[str, float | str]


def find_runs(folders: Sequence[str]) -> list[Path]:
    """The run folders among and below the ones given: those that hold a ``config.yaml``.

    Raises:
        FileNotFoundError: if a folder is not there.
        ValueError: if no run is found.
    """
    found: list[Path] = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(f"no folder {folder}")
        found += sorted(path.parent for path in folder.rglob(CONFIG))
    if not found:
        raise ValueError(f"no run in {' '.join(folders)}: a run of `facerec fit` is a folder with {CONFIG}")
    return list(dict.fromkeys(path.resolve() for path in found))


def read_run(folder: Path) -> Run:
    """Read a run's configuration, events, checkpoint and measurements; what is missing stays unknown.

    Raises:
        ValueError: if its configuration or its measurements are not what they are called.
    """
    try:
        settings = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{folder / CONFIG} is not YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{folder / CONFIG} holds no settings")
    results = _from_events(folder) | _from_metrics(folder) | _from_checkpoint(folder)
    return Run(f"{folder.parent.name}/{folder.name}", dict(_flat(settings)), results)


def _from_events(folder: Path) -> dict[str, float | str]:
    """Last values of TensorBoard's scalars (of the validation EER the lowest, which chose the checkpoint), and time."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    scalars: dict[str, list[Any]] = {}
    minutes = 0.0
    for file in sorted(folder.glob("events.out.tfevents.*")):  # one for each command, the oldest first
        accumulator = EventAccumulator(str(file), size_guidance={"scalars": 0, "images": 1, "tensors": 1})
        accumulator.Reload()
        tags = accumulator.Tags()["scalars"]
        is_training = any(tag.startswith("train/") for tag in tags)
        # `facerec validate` may have looked at other data since: of the validation only what training saw counts.
        wanted = [tag for tag in tags if is_training or tag.startswith("test/")]
        found = {tag: accumulator.Scalars(tag) for tag in wanted}
        times = [event.wall_time for events in found.values() for event in events]
        minutes += (max(times) - min(times)) / 60.0 if is_training else 0.0
        for tag, events in found.items():
            scalars.setdefault(tag, []).extend(events)
    results: dict[str, float | str] = {"minutes": minutes} if minutes else {}
    for column, names in SCALARS.items():
        values = [scalars[name][-1].value for name in names if name in scalars]
        if column == "validation EER" and "val/eer" in scalars:
            values = [min(scalar.value for scalar in scalars["val/eer"])]
        if values:
            results[column] = float(values[0])
    return results


def _from_metrics(folder: Path) -> dict[str, float | str]:
    """The test EER, the mean over sets if there are several, and its interval if there is one set."""
    path = next((folder / name for name in METRICS if (folder / name).is_file()), None)
    if path is None:
        return {}
    try:
        sets = list(_sets_in(json.loads(path.read_text(encoding="utf-8"))))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not sets:
        return {}
    results: dict[str, float | str] = {"test EER": sum(float(found["eer"]) for found in sets) / len(sets)}
    interval = _interval(sets[0]) if len(sets) == 1 else None
    return results | ({"95% interval": interval} if interval else {})


def _sets_in(measured: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary with a number called ``eer``, at any depth."""
    if isinstance(measured, dict):
        if isinstance(measured.get("eer"), float | int):
            yield measured
        else:
            for entry in measured.values():
                yield from _sets_in(entry)


def _interval(found: dict[str, Any]) -> str | None:
    """The interval of the EER as text: by person where there is one, because pairs are not independent."""
    for kind in ("by_person", "by_pair"):
        ends = (found.get(f"interval_{kind}") or {}).get("equal_error_rate")
        if ends:
            return f"{ends[0]:.2%} - {ends[1]:.2%} {kind.replace('_', ' ')}"
    return None


def _from_checkpoint(folder: Path) -> dict[str, float | str]:
    """Parameters of the backbone."""
    path = next(iter(sorted((folder / "checkpoints").glob("*.ckpt"))), None)
    if path is None:
        return {}
    try:
        state = load_checkpoint(path)["state_dict"]
    except ValueError as error:
        warnings.warn(str(error), stacklevel=2)
        return {}
    return {
        "parameters": sum(
            tensor.numel()
            for name, tensor in state.items()
            if name.startswith("backbone.") and not name.endswith(BUFFERS)
        )
    }


def _flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings by their full names; lists are one setting."""
    if not isinstance(settings, dict) or not settings:
        yield prefix, settings
        return
    for key, value in settings.items():
        yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))


def compare_runs(runs: Sequence[Run], sort: str | None = None) -> list[list[str]]:
    """Rows of text, the heading first: name, the settings that differ, the results.

    Args:
        runs: to compare.
        sort: column to sort by; lowest first, accuracy highest first, runs without a value last. By default the test
            EER, and the validation EER where no run was tested.

    Raises:
        ValueError: if there is no such column.
    """
    differ = _differing(runs)
    heading = ["run", *_short(differ), *RESULTS]
    sort = sort or ("test EER" if any("test EER" in run.results for run in runs) else "validation EER")
    if sort not in heading:
        raise ValueError(f"no column {sort!r} to sort by: choose one of {', '.join(heading)}")
    place = heading.index(sort)
    table = [[run.name, *(run.settings.get(name, EMPTY) for name in differ), *_results(run)] for run in runs]
    table.sort(key=lambda row: _order(row[place], descending=sort == "dev accuracy"))
    return [heading, *([_text(cell, name) for cell, name in zip(row, heading, strict=True)] for row in table)]


def _differing(runs: Sequence[Run]) -> list[str]:
    """Settings that are not the same in all runs, without those that are only there to hold others."""
    names = dict.fromkeys(name for run in runs for name in run.settings if not name.startswith(NOT_A_SETTING))
    holders = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return [
        name for name in names if name not in holders and len({repr(run.settings.get(name, EMPTY)) for run in runs}) > 1
    ]


def _results(run: Run) -> list[float | str]:
    return [run.results.get(name, EMPTY) for name in RESULTS]


def _short(names: Sequence[str]) -> list[str]:
    """The last part of each name, or more of it where that is not enough to tell two apart."""
    parts = [name.replace(".init_args.", ".").split(".") for name in names]
    lengths = [1] * len(names)
    while True:
        short = [".".join(part[-length:]) for part, length in zip(parts, lengths, strict=True)]
        growing = [
            index
            for index, name in enumerate(short)
            if (short.count(name) > 1 or name == "class_path" or name in RESULTS) and lengths[index] < len(parts[index])
        ]
        if not growing:
            return short
        for index in growing:
            lengths[index] += 1


def _order(value: Any, descending: bool) -> tuple[int, float, str]:
    """Numbers by size, then words, then what is not known."""
    if value is None or value == EMPTY:
        return 2, 0.0, ""
    if isinstance(value, (int, float)):
        return 0, -value if descending else value, ""
    return 1, 0.0, str(value)


def _text(cell: Any, column: str) -> str:
    if cell == EMPTY or isinstance(cell, str):
        return str(cell).rpartition(".")[2] if column.endswith("class_path") else str(cell)
    if column in SCALARS:
        return f"{cell:.2%}"
    if column == "minutes":
        return f"{cell:.1f}"
    return f"{cell:,}" if column == "parameters" else str(cell)


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The table as Markdown."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    return "\n".join(lines) + "\n"
