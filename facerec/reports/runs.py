"""What a run left behind: its settings, and what its events, its checkpoint and its measurements gave."""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from facerec.checkpoints import RAW_WEIGHTS, choice_of, load_checkpoint
from facerec.plain_text import read_yaml
from facerec.reports.events import Scalars, read_events, value_at
from facerec.reports.looks import looks_of
from facerec.reports.measurement import METRICS, read_metrics
from facerec.reports.results import CONFIG
from facerec.reports.summary import Summary
from facerec.run_folders import best_checkpoint, last_checkpoint
from facerec.settings import flatten

RATES = {
    "dev accuracy": "accuracy",
    "nearest-mean accuracy": "accuracy_nearest_mean",
    "validation EER": "eer",
    "test EER": "eer",
}
"""Results that are rates, and what is logged for them after ``val/`` or ``test/``."""
AVERAGED = ("val_ema", "val_swa")
"""What ``val`` is called where the weights are averaged."""
BUFFERS = ("running_mean", "running_var", "num_batches_tracked")
SCHEDULE = "model.schedule."


class Run(NamedTuple):
    """What a run left behind.

    Attributes:
        name: ``NAME/version_K``.
        settings: every setting by its full name, ``model.backbone.init_args.depth``.
        results: rates as fractions, ``minutes``, ``parameters``, ``95% interval``, ``test looks``, and how the run was
            tested.

    Example:
        >>> Run("orl/version_0", {"model.loss_lr_factor": 1.0}, {"test EER": 0.097}).results["test EER"]
        0.097
    """

    name: str
    settings: dict[str, Any]
    results: dict[str, float | str]


def find_runs(folders: Sequence[str]) -> list[Path]:
    """The run folders among and below the given ones: those that hold a ``config.yaml``.

    Raises:
        FileNotFoundError: if a folder does not exist.
        ValueError: if no run is found.

    Example:
        >>> find_runs(["nowhere"])
        Traceback (most recent call last):
        FileNotFoundError: no folder nowhere
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
    """Read a run's configuration, events, checkpoint and measurements. What is missing stays unknown.

    Raises:
        ValueError: if its configuration or its measurements cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = Path(folder, "orl", "version_0")
        ...     run.mkdir(parents=True)
        ...     _ = (run / "config.yaml").write_text("model: {loss_lr_factor: 2.0}")
        ...     read_run(run)
        Run(name='orl/version_0', settings={'model.loss_lr_factor': 2.0}, results={})
    """
    flat = read_settings(folder)
    kept = _kept_checkpoint(folder)
    results = _from_events(folder, flat, kept) | _from_metrics(folder) | _from_checkpoint(kept)
    if looks := sum(looks_of(folder).values()):
        results["test looks"] = looks
    return Run(f"{folder.parent.name}/{folder.name}", flat, results)


def read_settings(folder: Path) -> dict[str, Any]:
    """The settings of a run by their full names, those of schedules under today's names.

    Raises:
        ValueError: if its ``config.yaml`` holds none.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "config.yaml").write_text("average: {kind: ema}")
        ...     read_settings(Path(folder))
        {'average.kind': 'ema'}
    """
    settings = read_yaml((folder / CONFIG).read_text(encoding="utf-8"), folder / CONFIG)
    if not isinstance(settings, dict):
        raise ValueError(f"{folder / CONFIG} holds no settings")
    return _with_schedule(flatten(settings))


def offered_stage(settings: Mapping[str, Any]) -> str:
    """The beginning of what a validation logs of the weights that a run's checkpoints offer.

    Args:
        settings: of the run, by full names.

    Example:
        >>> offered_stage({"average.kind": "ema"}), offered_stage({"average.kind": None}), offered_stage({})
        ('val_ema', 'val', 'val')
    """
    kind = settings.get("average.kind")
    return f"val_{kind}" if kind else "val"


def _with_schedule(flat: dict[str, Any]) -> dict[str, Any]:
    """Settings of a run from before schedules had classes, under the names that they have now."""
    if f"{SCHEDULE}class_path" in flat or not any(name.startswith(SCHEDULE) for name in flat):
        return flat
    renamed = {name.replace(SCHEDULE, f"{SCHEDULE}init_args.", 1): value for name, value in flat.items()}
    return {**renamed, f"{SCHEDULE}class_path": "facerec.optim.WarmupCosine"}


def _kept_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The best checkpoint, else the last one; None if there is none that loads."""
    path = best_checkpoint(folder) or last_checkpoint(folder)
    try:
        return None if path is None else load_checkpoint(path)
    except ValueError as error:
        warnings.warn(str(error), stacklevel=2)
        return None


def _is_best(checkpoint: dict[str, Any]) -> bool:
    """Whether no epoch was better when it was written; ``last.ckpt`` need not be."""
    choice = choice_of(checkpoint)
    return bool(choice.get("current_score") == choice.get("best_model_score"))


def _from_checkpoint(kept: dict[str, Any] | None) -> dict[str, float | str]:
    """Parameters of the backbone, and the validation EER where it chose the checkpoint."""
    if kept is None:
        return {}
    parameters = sum(
        tensor.numel()
        for name, tensor in kept["state_dict"].items()
        if name.startswith("backbone.") and not name.endswith(BUFFERS)
    )
    choice = choice_of(kept)
    of_its_weights = {f"{stage}/eer" for stage in (AVERAGED if RAW_WEIGHTS in kept else ("val",))}
    if choice.get("monitor") not in of_its_weights or choice.get("current_score") is None or not _is_best(kept):
        return {"parameters": parameters}
    return {"parameters": parameters, "validation EER": float(choice["current_score"])}


def _from_events(folder: Path, settings: dict[str, Any], kept: dict[str, Any] | None) -> dict[str, float | str]:
    """Time, the last of what a test logged, and of the validation what belongs to the checkpoint that was kept."""
    scalars, minutes = read_events(folder)
    results: dict[str, float | str] = {"minutes": minutes} if minutes else {}
    step, stage = _kept_step(scalars, settings, kept), offered_stage(settings)
    for column, name in RATES.items():
        if column != "validation EER" and f"test/{name}" in scalars:
            results[column] = float(scalars[f"test/{name}"][-1].value)
        elif column != "test EER" and (value := value_at(scalars.get(f"{stage}/{name}", []), step)) is not None:
            results[column] = value
    return results


def _kept_step(scalars: Scalars, settings: dict[str, Any], kept: dict[str, Any] | None) -> float:
    """The step after which the checkpoint was kept: its own, else that of the best validation of a candidate."""
    if kept is not None and _is_best(kept):
        return float(kept.get("global_step", math.inf))
    epochs = {event.step: event.value for event in scalars.get("epoch", [])}
    first = float(settings.get("checkpoint.candidates_after") or 0.0) * float(settings.get("trainer.max_epochs") or 0)
    rates = scalars.get(f"{offered_stage(settings)}/eer", [])
    candidates = [event for event in rates if epochs.get(event.step, math.inf) + 1 > first]
    return float(min(candidates or rates, key=lambda event: event.value).step) if rates else math.inf


def _from_metrics(folder: Path) -> dict[str, float | str]:
    """The test EER, the mean over sets if there are several, its interval for one set, and how it was tested."""
    path = folder / "test" / METRICS
    measured = read_metrics(path) if path.is_file() else None
    if measured is None or not measured.sets:
        return {}
    sets = list(measured.sets.values())
    genuine, impostor = (
        sum(counts) for counts in zip(*((found.genuine, found.impostor) for found in sets), strict=True)
    )
    results: dict[str, float | str] = {
        "test EER": sum(found.eer for found in sets) / len(sets),
        "tested score": measured.score,
        "tested flip_test": str(measured.flip_test),
        "tested pairs": f"{genuine:,} + {impostor:,}",
    }
    if measured.precision is not None:
        results["tested precision"] = measured.precision
    return results | ({"95% interval": _interval(sets[0])} if len(sets) == 1 else {})


def _interval(found: Summary) -> str:
    """The interval of the EER as text: by person where there is one, because pairs are not independent."""
    best, kind = (found.interval_by_person, "person") if found.interval_by_person else (found.interval_by_pair, "pair")
    low, high = best.equal_error_rate
    return f"{low:.2%} - {high:.2%} by {kind}"
