"""A compiled training step, augmentation and embedding against the same ones uncompiled on a CPU: `model.compile`.

    OMP_NUM_THREADS=1 python benchmarks/compiled.py
    OMP_NUM_THREADS=1 python benchmarks/compiled.py --works augmentation
    OMP_NUM_THREADS=1 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python benchmarks/compiled.py --precision 32-true

The step is that of the default run without its augmentation: 32 images of 112x112, ResNet-18 of width 32, ArcFace, SGD.
The augmentation is that of the default run, of as many images, draws included; both ways must give the same pixels. The
embedding is of the same images, of the folded network as `facerec test` runs it, with Winograd's convolutions, and
of the compiled network without them. In a round each way takes a turn. CPU time holds on a busy machine, with one
thread. Compilation is clocked with an empty cache, and with its compiler processes.
"""

import argparse
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial

os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()  # before torch reads it
os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # in this process, whose CPU time is read

import torch
from torch import Tensor

from facerec.backbones.folding import fold_batch_norm, fold_for_use
from facerec.checkup.training_step import TrainingStep
from facerec.cli.check import DEFAULT_CONFIG
from facerec.cli.config_files import read_config
from facerec.cli.configuration import data_module, recognizer
from facerec.compilation import compile_backbone
from facerec.machine import this_machine
from facerec.memory import keep_freed_memory
from facerec.recognizer import FaceRecognizer

PEOPLE = 24
WORKS = ("training", "augmentation", "embedding")


def cpu_seconds() -> float:
    """CPU time of this process and of the compilers that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def clocked(work: Callable[[], object]) -> float:
    """CPU time of some work."""
    start = cpu_seconds()
    work()
    return cpu_seconds() - start


def network() -> FaceRecognizer:
    """That of the default run, with weights of its own."""
    torch.manual_seed(0)
    return recognizer(read_config(DEFAULT_CONFIG), PEOPLE)


def training(precision: str, is_compiled: bool) -> Callable[[], object]:
    """A training step."""
    data = data_module(read_config(DEFAULT_CONFIG))
    step = TrainingStep(network(), data, precision=precision)
    if is_compiled:
        compile_backbone(step.recognizer.backbone)
    batch = step.batch

    def work() -> None:
        loss = step.recognizer.loss(step.embed(batch), batch.labels)
        loss.backward()
        step.optimizer.step()
        step.optimizer.zero_grad()

    return work


def augmentation(is_compiled: bool) -> Callable[[], Tensor]:
    """The augmentation of a batch."""
    augment = data_module(read_config(DEFAULT_CONFIG)).augment
    augment.is_compiled = is_compiled
    images_BCHW = torch.randint(0, 256, (32, 3, 112, 112), generator=torch.Generator().manual_seed(0))
    return partial(augment, images_BCHW.to(torch.uint8), 0, 0, torch.arange(32))


def embedding(is_compiled: bool) -> Callable[[], object]:
    """The embedding of a batch."""
    backbone = network().eval().backbone
    images_BCHW = torch.randn(32, 3, 112, 112).contiguous(memory_format=torch.channels_last)
    if is_compiled:
        used = fold_batch_norm(backbone, images_BCHW)
        used.to(memory_format=torch.channels_last)
        compile_backbone(used)
    else:
        used = fold_for_use(backbone, (112, 112), torch.channels_last)

    @torch.no_grad()
    def work() -> None:
        used(images_BCHW)

    return work


def main() -> None:
    """Print one row for each kind of work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--works", nargs="+", default=WORKS, choices=WORKS)
    parser.add_argument("--precision", nargs="+", default=["32-true", "bf16-mixed"], help="of the training step")
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    keep_freed_memory()
    machine, vectors = this_machine(), torch.backends.cpu.get_cpu_capability()
    print(f"{machine.processor}; torch {torch.__version__}, {vectors}; fast bfloat16: {machine.bfloat16}\n", flush=True)
    print("| work | eager, ms | compiled, ms | eager over compiled | compilation, s |\n|---|---|---|---|---|")
    works: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    if "training" in arguments.works:
        for precision in arguments.precision:
            works[f"training step, {precision}"] = (training(precision, False), training(precision, True))
    if "augmentation" in arguments.works:
        works["augmentation"] = (augmentation(False), augmentation(True))
    if "embedding" in arguments.works:
        works["embedding, 32-true"] = (embedding(False), embedding(True))
    for name, (eager, compiled) in works.items():
        eager()
        first = clocked(compiled)
        compiled()
        if name == "augmentation":
            torch.testing.assert_close(eager(), compiled(), atol=0.1 / 255, rtol=0)
        rounds = [(clocked(eager), clocked(compiled)) for _ in range(arguments.rounds)]
        medians = [statistics.median(times) for times in zip(*rounds, strict=True)]
        ratios = sorted(first_way / second for first_way, second in rounds)
        ratio = f"**{medians[0] / medians[1]:.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(
            f"| {name} | {medians[0] * 1e3:.0f} | {medians[1] * 1e3:.0f} | {ratio} | {first - medians[1]:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
