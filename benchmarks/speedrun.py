"""Time and images until a validation EER: the one table by which a change of a recipe, or of the code, is judged.

    python benchmarks/speedrun.py                                                  # the default recipe, on ORL
    python benchmarks/speedrun.py --config experiments/lfw_resnet18_arcface.yaml --root DIR
    python benchmarks/speedrun.py --config mine.yaml --precision 32-true --seeds 0 1 2

It looks at validation people alone. A recipe for the ORL faces is trained five times a seed, and each time another
group of six of s1-s30 validates; a row counts the mean EER over these runs. A recipe for other data is trained once a
seed. A row is the first validation with that EER or a lower one, and the schedule is that of the whole run. Seconds are
those of the training; start, validations and figures are not counted. The last rows are the end of the training: the
mean of the validations of its last fifth, and that of the lowest one, which the choice of checkpoint flatters.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fresh import in_fresh_process
from lightning.pytorch import Callback, LightningModule, Trainer

from facerec.cli import main as facerec
from facerec.cli.check import DEFAULT_CONFIG
from facerec.cli.config_files import read_config
from facerec.machine import this_machine
from facerec.memory import keep_freed_memory

ORL_GROUPS = (1, 2, 3, 4, 5)
ORL_SOURCES = ("train", "dev", "val_pairs.orl")
TARGETS = {True: (0.10, 0.08, 0.06), False: (0.15, 0.12, 0.10)}  # on ORL, on anything else
FIELDS = ("wall", "cpu", "images", "eer")


class Clock(Callback):
    """Writes a line for each validation: seconds and images of training so far, and the EER.

    Args:
        path: file for the lines.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.spent, self.begun, self.images = np.zeros(2), np.zeros(2), 0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the clock run."""
        self.begun = now()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the images; stop the clock before the validation."""
        self.images += len(batch.images)
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.spent += now() - self.begun

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the line."""
        row = (*self.spent, self.images, float(trainer.callback_metrics["val/eer"]))
        with Path(self.path).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(dict(zip(FIELDS, row, strict=True))) + "\n")


def now() -> np.ndarray:
    """Wall and CPU seconds."""
    return np.array([time.perf_counter(), time.process_time()])


def train(config: Path, options: list[str]) -> np.ndarray:
    """Train in a fresh process; returns wall and CPU seconds, images and EER at each validation (V, 4)."""
    with tempfile.TemporaryDirectory() as folder:
        in_fresh_process(_fit, str(config), options, folder)
        lines = Path(folder, "lines").read_text(encoding="utf-8").splitlines()
    return np.array([[json.loads(line)[field] for field in FIELDS] for line in lines])


def _fit(config: str, options: list[str], folder: str) -> None:
    keep_freed_memory()
    sys.path.insert(0, str(Path(__file__).parent))  # where the configuration finds Clock
    quiet = ["--trainer.enable_progress_bar=false", "--trainer.enable_model_summary=false"]
    clock = ["--trainer.callbacks+=speedrun.Clock", f"--trainer.callbacks.path={folder}/lines"]
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the process ends with this
    os.dup2(nowhere, 2)
    facerec(["fit", "--config", config, *quiet, *clock, *options])


def runs_of(settings: dict[str, Any], seeds: list[int], root: str | None) -> Iterator[list[str]]:
    """The options of each run of a recipe."""
    for seed in seeds:
        options = [f"--seed_everything={seed}", *([] if root is None else [f"--data.root={root}"])]
        if not is_on_orl(settings, root):
            yield options
            continue
        for group in ORL_GROUPS:
            yield options + [f"--data.{source}.init_args.validation={group}" for source in ORL_SOURCES]


def is_on_orl(settings: dict[str, Any], root: str | None) -> bool:
    """Whether a recipe trains on the ORL faces."""
    return root is None and "ORLImages" in str((settings.get("data") or {}).get("train"))


def table(courses: np.ndarray, targets: tuple[float, ...]) -> Iterator[str]:
    """Rows from the runs' courses (R, V, 4)."""
    mean_V4 = courses.mean(0)
    for target in targets:
        reached = np.flatnonzero(mean_V4[:, 3] <= target)
        name = f"until {target:.0%}"
        yield row(name, mean_V4[reached[0]]) if len(reached) else f"| {name} | not reached | | | |"
    last_fifth = courses[:, -max(courses.shape[1] // 5, 1) :, 3]
    yield row("whole run, mean of its last fifth", [*mean_V4[-1, :3], last_fifth.mean()])
    yield row("whole run, mean of the lowest", [*mean_V4[-1, :3], last_fifth.min(axis=1).mean()])


def row(name: str, values: Any) -> str:
    """One row of the table."""
    wall, cpu, images, rate = values
    return f"| {name} | {wall:.0f} | {cpu:.0f} | {images:,.0f} | {rate:.1%} |"


def main() -> None:
    """Print a table for each precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the embedded default if not given")
    parser.add_argument("--root", help="data.root, for a configuration without sources")
    parser.add_argument(
        "--precision", nargs="+", help="such as bf16-mixed 32-true; both by default if the CPU has both"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--every", type=int, help="epochs between validations; a hundredth of the run by default")
    arguments = parser.parse_args()
    config, root = arguments.config.resolve(), arguments.root and str(Path(arguments.root).resolve())
    settings, machine = read_config(config), this_machine()
    every = arguments.every or max(settings["trainer"]["max_epochs"] // 100, 1)
    print(f"{machine.processor}, {torch.get_num_threads()} threads, torch {torch.__version__}; {config.stem}")
    for precision in arguments.precision or (["bf16-mixed"] if machine.bfloat16 else []) + ["32-true"]:
        fixed = [f"--trainer.precision={precision}", f"--trainer.check_val_every_n_epoch={every}"]
        courses = np.stack([train(config, fixed + options) for options in runs_of(settings, arguments.seeds, root)])
        print(f"\n{precision}, mean of {len(courses)} runs\n")
        print("| validation EER | wall s | CPU s | images | EER |\n|---|---|---|---|---|")
        print("\n".join(table(courses, TARGETS[is_on_orl(settings, root)])), flush=True)


if __name__ == "__main__":
    main()
