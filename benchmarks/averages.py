"""What averaged weights cost each training step: the time of an update beside that of the step itself.

python benchmarks/averages.py --backbone IResNet --people 10000 --batch 128 --device cuda
"""

import argparse
import statistics
import time
from types import SimpleNamespace

import torch

from facerec import backbones
from facerec.callbacks import WeightAverage
from facerec.losses import ArcFace
from facerec.recognizer import FaceRecognizer


def seconds(work, device: str, rounds: int) -> float:
    """Median time of a call."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return statistics.median(times[rounds // 4 :])


def main() -> None:
    """Print both times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="ResNet")
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    network = getattr(backbones, options.backbone)(options.depth, embedding_dim=512)
    recognizer = FaceRecognizer(network, ArcFace(64.0), torch.optim.SGD, options.people).to(options.device)
    optimizer = torch.optim.SGD(recognizer.parameters(), lr=1e-4, momentum=0.9)
    images = torch.rand(options.batch, 3, 112, 112, device=options.device)
    labels = torch.randint(options.people, (options.batch,), device=options.device)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(options.device, torch.bfloat16, enabled=options.device == "cuda"):
            embeddings = recognizer(images)
        recognizer.loss(embeddings, labels).backward()
        optimizer.step()

    average = WeightAverage("ema")
    trainer = SimpleNamespace(strategy=None, callbacks=[], global_step=0)
    average.setup(trainer, recognizer, "fit")  # type: ignore[arg-type]

    def update() -> None:
        trainer.global_step += 1
        average.on_train_batch_end(trainer, recognizer, None, None, 0)  # type: ignore[arg-type]

    weights = sum(weight.numel() for weight in recognizer.parameters())
    print(f"{type(network).__name__}, {options.people:,} people, {weights / 1e6:.1f} M weights, batch {options.batch}")
    print(f"step {1e3 * seconds(step, options.device, options.rounds):.2f} ms")
    print(f"update {1e3 * seconds(update, options.device, options.rounds):.2f} ms")


if __name__ == "__main__":
    main()
