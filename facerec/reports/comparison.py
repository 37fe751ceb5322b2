"""One table of finished runs: the settings in which they differ, and what each of them gave."""

import csv
import io
import json
import math
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
    "dev accuracy": "accuracy",
    "nearest-mean accuracy": "accuracy_nearest_mean",
    "validation EER": "eer",
    "test EER": "eer",
}
"""Columns of rates, and what is logged for them after ``val/`` or ``test/``."""
ACCURACIES = ("dev accuracy", "nearest-mean accuracy")
RESULTS = ("dev accuracy", "validation EER", "test EER", "95% interval", "minutes", "parameters")
TESTED = ("score", "flip_test", "precision", "pairs")
"""How a run was tested, shown where runs differ: test EERs are then not of one measurement."""
EMPTY = ""


class Run(NamedTuple):
    """What a run left behind.

    Attributes:
        name: ``NAME/version_K``.
        settings: every setting by its full name, ``model.backbone.init_args.depth``.
        results: what is known of ``RESULTS`` and of the columns that not every table has; rates as fractions.
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
    flat = dict(_flat(settings))
    kept = _kept_checkpoint(folder)
    results = _from_events(folder, flat, kept) | _from_metrics(folder) | _from_checkpoint(kept)
    return Run(f"{folder.parent.name}/{folder.name}", flat, results)


def _kept_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The checkpoint of the best epoch, by the newest of them that say which that is; else the last one, or None."""
    best = sorted((folder / "checkpoints").glob("best*.ckpt"))
    found: dict[str, dict[str, Any]] = {}
    for path in best or sorted((folder / "checkpoints").glob("*.ckpt")):
        try:
            found[path.name] = load_checkpoint(path)
        except ValueError as error:
            warnings.warn(str(error), stacklevel=2)
    if not found:
        return None
    newest: dict[str, Any] = max(found.values(), key=lambda checkpoint: int(checkpoint.get("global_step", 0)))
    name = Path(str(_choice(newest).get("best_model_path"))).name
    return next((checkpoint for key, checkpoint in found.items() if key == name), newest)


def _choice(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The state of what chose a checkpoint: Lightning's ``ModelCheckpoint``; empty where there is none."""
    states = (checkpoint.get("callbacks") or {}).values()
    choices: list[dict[str, Any]] = [
        state for state in states if isinstance(state, dict) and "best_model_path" in state
    ]
    return choices[0] if choices else {}


def _is_best(checkpoint: dict[str, Any]) -> bool:
    """Whether no epoch was better when it was written; ``last.ckpt`` need not be."""
    choice = _choice(checkpoint)
    return bool(choice.get("current_score") == choice.get("best_model_score"))


def _from_events(folder: Path, settings: dict[str, Any], kept: dict[str, Any] | None) -> dict[str, float | str]:
    """Time, the last of what a test logged, and of the validation what belongs to the checkpoint that was kept."""
    scalars, minutes = _read_events(folder)
    results: dict[str, float | str] = {"minutes": minutes} if minutes else {}
    step = _kept_step(scalars, settings, kept)
    for column, name in SCALARS.items():
        if column != "validation EER" and f"test/{name}" in scalars:
            results[column] = float(scalars[f"test/{name}"][-1].value)
        elif column != "test EER" and (value := _value_at(scalars.get(f"val/{name}", []), step)) is not None:
            results[column] = value
    return results


def _read_events(folder: Path) -> tuple[dict[str, list[Any]], float]:
    """TensorBoard's scalars, the oldest first, and the minutes that training took."""
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
    return scalars, minutes


def _kept_step(scalars: dict[str, list[Any]], settings: dict[str, Any], kept: dict[str, Any] | None) -> float:
    """The step after which the checkpoint was kept: its own, else that of the best validation of a candidate."""
    if kept is not None and _is_best(kept):
        return float(kept.get("global_step", math.inf))
    epochs = {event.step: event.value for event in scalars.get("epoch", [])}
    first = float(settings.get("checkpoint.candidates_after") or 0.0) * float(settings.get("trainer.max_epochs") or 0)
    rates = scalars.get("val/eer", [])
    candidates = [event for event in rates if epochs.get(event.step, math.inf) + 1 > first]
    return float(min(candidates or rates, key=lambda event: event.value).step) if rates else math.inf


def _value_at(events: Sequence[Any], step: float) -> float | None:
    """The value logged last up to a step; after a training was resumed, that of the resumed one."""
    places = [place for place, event in enumerate(events) if event.step <= step]
    return float(events[max(places, key=lambda place: (events[place].step, place))].value) if places else None


def _from_metrics(folder: Path) -> dict[str, float | str]:
    """The test EER, the mean over sets if there are several, its interval if there is one, and how it was tested."""
    path = next((folder / name for name in METRICS if (folder / name).is_file()), None)
    if path is None:
        return {}
    try:
        measured = json.loads(path.read_text(encoding="utf-8"))
        sets = list(_sets_in(measured))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not sets:
        return {}
    results: dict[str, float | str] = {"test EER": sum(float(found["eer"]) for found in sets) / len(sets)}
    results |= {f"tested {name}": str(measured[name]) for name in TESTED if name in measured}
    if all("genuine" in found and "impostor" in found for found in sets):
        genuine, impostor = (sum(int(found[kind]) for found in sets) for kind in ("genuine", "impostor"))
        results["tested pairs"] = f"{genuine:,} + {impostor:,}"
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


def _from_checkpoint(kept: dict[str, Any] | None) -> dict[str, float | str]:
    """Parameters of the backbone, and the validation EER where it chose the checkpoint."""
    if kept is None:
        return {}
    parameters = sum(
        tensor.numel()
        for name, tensor in kept["state_dict"].items()
        if name.startswith("backbone.") and not name.endswith(BUFFERS)
    )
    choice = _choice(kept)
    if choice.get("monitor") != "val/eer" or choice.get("current_score") is None or not _is_best(kept):
        return {"parameters": parameters}
    return {"parameters": parameters, "validation EER": float(choice["current_score"])}


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
    columns = _columns(runs)
    heading = ["run", *_short(differ), *columns]
    sort = sort or ("test EER" if any("test EER" in run.results for run in runs) else "validation EER")
    if sort not in heading:
        raise ValueError(f"no column {sort!r} to sort by: choose one of {', '.join(heading)}")
    place = heading.index(sort)
    table = [[run.name, *(run.settings.get(name, EMPTY) for name in differ), *_results(run, columns)] for run in runs]
    table.sort(key=lambda row: _order(row[place], descending=sort in ACCURACIES))
    return [heading, *([_text(cell, name) for cell, name in zip(row, heading, strict=True)] for row in table)]


def _differing(runs: Sequence[Run]) -> list[str]:
    """Settings that are not the same in all runs, without those that are only there to hold others."""
    names = dict.fromkeys(name for run in runs for name in run.settings if not name.startswith(NOT_A_SETTING))
    holders = {name[:end] for name in names for end, letter in enumerate(name) if letter == "."}
    return [
        name for name in names if name not in holders and len({repr(run.settings.get(name, EMPTY)) for run in runs}) > 1
    ]


def _columns(runs: Sequence[Run]) -> list[str]:
    """``RESULTS``, the accuracy by class means where a run has it, and how runs were tested where that differs."""
    columns = list(RESULTS)
    if any("nearest-mean accuracy" in run.results for run in runs):
        columns.insert(1, "nearest-mean accuracy")
    place = columns.index("test EER")
    for name in (f"tested {how}" for how in TESTED):
        if len({run.results[name] for run in runs if name in run.results}) > 1:
            columns.insert(place, name)
            place += 1
    return columns


def _results(run: Run, columns: Sequence[str]) -> list[float | str]:
    return [run.results.get(name, EMPTY) for name in columns]


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
