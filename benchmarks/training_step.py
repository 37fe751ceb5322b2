"""`facerec fit` against a bare PyTorch loop of the same model, data and precision: time of a step, in all and by phase.

    python benchmarks/training_step.py
    python benchmarks/training_step.py --config experiments/resnet34_arcface.yaml --root DIR --epochs 3

The bare loop has the loader, augmentation, network, loss, optimizer and schedule of the configuration. It has no
Lightning, callbacks, logger or progress bar. Both run in one process, on networks of their own, and take turns: an
epoch of one, an epoch of the other. Images have the full size throughout. There is no validation, and the first epoch
of each is not measured. A second process clocks the phases, which costs a little. ``rest`` is what no phase has: loops,
callbacks, the progress bar and the schedule.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from fresh import in_fresh_process

from facerec.cli import main as facerec
from facerec.cli.check import DEFAULT_CONFIG
from facerec.cli.config_files import read_config
from facerec.cli.configuration import data_module, recognizer
from facerec.data import FaceDataModule
from facerec.data.batches import Batch, BatchLoader
from facerec.data.views import augmented
from facerec.machine import choose_precision, device_of, this_machine
from facerec.memory import keep_freed_memory
from facerec.recognizer import FaceRecognizer
from facerec.transforms import Augment

WAYS = BARE, FIT = "bare", "fit"
PHASES = ("read", "transfer", "augment", "forward", "loss", "backward", "optimizer", "log")
HALF = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class Clock:
    """Wall and CPU time of the epochs of both ways, and wall time of phases, each without the phases inside it.

    Args:
        device: kind of device, which is waited for at each look at the clock.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.way = BARE
        self.epochs: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        self.phases: dict[str, dict[str, float]] = {way: dict.fromkeys(PHASES, 0.0) for way in WAYS}
        self.open: list[str] = []
        self.begun = self.last = (0.0, 0.0)

    def begin(self, way: str) -> None:
        """Begin an epoch."""
        self.way, self.begun = way, self.now()

    def end(self) -> None:
        """End an epoch. Of the first one nothing is kept."""
        wall, cpu = self.now()
        if not self.epochs[self.way]:
            self.phases[self.way] = dict.fromkeys(PHASES, 0.0)
        self.epochs[self.way].append((wall - self.begun[0], cpu - self.begun[1]))

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase; the phase around it stands still."""
        self._switch()
        self.open.append(name)
        try:
            yield
        finally:
            self._switch()
            self.open.pop()

    def _switch(self) -> None:
        now = self.now()
        if self.open:
            self.phases[self.way][self.open[-1]] += now[0] - self.last[0]
        self.last = now

    def now(self) -> tuple[float, float]:
        """Wall and CPU time, once the device is done."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()

    def watch(self, owner: Any, method: str, phase: str) -> None:
        """Let every call of a method be a phase."""
        original = getattr(owner, method)

        @wraps(original)
        def timed(*args: Any, **settings: Any) -> Any:
            with self.phase(phase):
                return original(*args, **settings)

        setattr(owner, method, timed)

    def watch_reading(self) -> None:
        """Let the wait for each batch be a phase."""
        original: Callable[[BatchLoader], Iterator[Batch]] = BatchLoader.__iter__

        def timed(loader: BatchLoader) -> Iterator[Batch]:
            batches = original(loader)
            while True:
                with self.phase("read"):
                    batch = next(batches, None)
                if batch is None:
                    return
                yield batch

        BatchLoader.__iter__ = timed  # type: ignore[method-assign]


class BareLoop:
    """A training loop as one writes it for PyTorch.

    Args:
        settings: of the configuration.
        epochs: of the whole run.
        clock: for the phases that are no method.
    """

    def __init__(self, settings: dict[str, Any], epochs: int, clock: Clock) -> None:
        torch.manual_seed(0)
        self.clock, self.device = clock, device_kind(settings)
        self.data = data_module(settings)
        self.data.setup("fit")
        self.people = self.data.num_classes or 1
        self.model = recognizer(settings, self.people).to(self.device).train()
        self.optimizer = self.model.make_optimizer()
        self.loader = self.data.train_dataloader()
        self.schedule = self.model.schedule.scheduler(self.optimizer, epochs * len(self.loader))
        self.half = HALF.get(precision(settings))
        self.scaler = torch.amp.GradScaler(self.device, enabled=self.half == torch.float16)

    def epoch(self, number: int) -> None:
        """Train for an epoch."""
        self.loader.sampler.set_epoch(number)  # type: ignore[attr-defined]
        for batch in self.loader:
            with self.clock.phase("transfer"):
                batch = Batch(*(part.to(self.device, non_blocking=True) for part in batch))
            batch = augmented(
                batch, self.data.augment, self.data.mix, self.people, range(self.data.views), epoch=number
            )
            with torch.autocast(self.device, dtype=self.half, enabled=self.half is not None):
                embeddings_BD = self.model(batch.images)
            loss = self.model.loss(embeddings_BD, batch.labels)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.schedule.step()
            self.model.loss.step()


def device_kind(settings: dict[str, Any]) -> str:
    """Kind of the device that a configuration trains on."""
    return device_of(str((settings.get("trainer") or {}).get("accelerator", "auto")), this_machine())


def precision(settings: dict[str, Any]) -> str:
    """Precision that a configuration trains in."""
    given = str((settings.get("trainer") or {}).get("precision", "auto"))
    return choose_precision(device_kind(settings)).value if given == "auto" else given


def take_turns(config: Path, root: str | None, epochs: int, by_phase: bool) -> tuple[Clock, int]:
    """Train both ways, epoch by epoch, in the process of a command.

    Returns:
        The clock, and the number of steps in an epoch.
    """
    keep_freed_memory()
    settings = read_config(config)
    settings["model"]["small_images"] = None
    settings["data"] = {**(settings.get("data") or {}), **({} if root is None else {"root": root})}
    clock = Clock(device_kind(settings))
    loop = BareLoop(settings, epochs, clock)
    if by_phase:
        clock.watch_reading()
        clock.watch(FaceDataModule, "transfer_batch_to_device", "transfer")
        clock.watch(Augment, "forward", "augment")
        clock.watch(FaceRecognizer, "forward", "forward")
        clock.watch(FaceRecognizer, "log", "log")
        clock.watch(type(loop.model.loss), "forward", "loss")
        clock.watch(torch.Tensor, "backward", "backward")
        clock.watch(loop.optimizer, "step", "optimizer")

    def on_train_start(model: FaceRecognizer) -> None:
        if by_phase:
            clock.watch(model.trainer.optimizers[0], "step", "optimizer")

    def on_train_epoch_start(model: FaceRecognizer) -> None:
        number = model.trainer.current_epoch
        if number:
            clock.end()
        clock.begin(BARE)
        loop.epoch(number)
        clock.end()
        clock.begin(FIT)

    for hook in (on_train_start, on_train_epoch_start):
        setattr(FaceRecognizer, hook.__name__, hook)
    FaceRecognizer.on_train_end = lambda model: clock.end()  # type: ignore[method-assign]
    options = [
        "--model.small_images=null",
        f"--trainer.max_epochs={epochs}",
        f"--trainer.check_val_every_n_epoch={10**6}",
    ]
    options += [] if root is None else [f"--data.root={root}"]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # the process ends with this
    os.dup2(nowhere, 2)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        facerec(["fit", "--config", str(config), *options])
        os.chdir("/")
    return clock, len(loop.loader)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="the embedded default if not given")
    parser.add_argument("--root", help="data.root, for a configuration without sources")
    parser.add_argument("--epochs", type=int, default=40, help="of each way; at least 2 (%(default)s)")
    arguments = parser.parse_args()
    config, root = arguments.config.resolve(), arguments.root and str(Path(arguments.root).resolve())
    settings, threads = read_config(config), torch.get_num_threads()
    print(
        f"{this_machine().processor}, {threads} threads, torch {torch.__version__}; {config.stem} on "
        f"{device_kind(settings)} in {precision(settings)}"
    )
    clock, steps = in_fresh_process(take_turns, config, root, arguments.epochs, False)
    print(f"{steps} steps an epoch, {arguments.epochs - 1} epochs of each way\n")
    print("| clock | bare loop, ms | facerec fit, ms | fit over bare | quartiles |\n|---|---|---|---|---|")
    for place, name in enumerate(("wall", "CPU")):
        bare, fit = ([epoch[place] / steps for epoch in clock.epochs[way][1:]] for way in WAYS)
        ratios = [second / first for first, second in zip(bare, fit, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        medians = " | ".join(f"{1e3 * statistics.median(seconds):.1f}" for seconds in (bare, fit))
        print(f"| {name} | {medians} | {middle:.3f} | {low:.3f} to {high:.3f} |", flush=True)
    clock, steps = in_fresh_process(take_turns, config, root, arguments.epochs, True)
    print("\n| phase | bare loop, ms | facerec fit, ms |\n|---|---|---|")
    measured = (arguments.epochs - 1) * steps
    rows = {phase: [clock.phases[way][phase] / measured for way in WAYS] for phase in PHASES}
    totals = [sum(wall for wall, _ in clock.epochs[way][1:]) / measured for way in WAYS]
    rows["rest"] = [total - sum(row[column] for row in rows.values()) for column, total in enumerate(totals)]
    for phase, seconds in {**rows, "step": totals}.items():
        print(f"| {phase} | " + " | ".join(f"{1e3 * value:.2f}" for value in seconds) + " |")


if __name__ == "__main__":
    main()
