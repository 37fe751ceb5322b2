"""What each recipe for a GPU costs: parameters, multiply-adds, FLOPs, hours and memory, computed from its YAML.

    python benchmarks/recipes.py
    python benchmarks/recipes.py --utilisation 0.3

Nothing is trained and no GPU is asked. The rows are those of docs/recipes.md, which tells the formulas. Parameters and
multiply-adds are those of the network that ``facerec fit`` would build. The memory of an image is what a forward pass
keeps of it on this CPU in bf16-mixed, times the most that a step was seen to need over that.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from facerec.backbones.cost import count_parameters, multiply_adds
from facerec.checkup.capacity import PEAK, memory_per_image
from facerec.checkup.training_step import TrainingStep
from facerec.cli.config_files import read_config
from facerec.cli.configuration import data_module, recognizer

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PEAKS = {"A100": 312e12, "H100": 989e12, "RTX 4090": 165e12}
"""Dense bfloat16 with sums in float32, FLOP/s, as NVIDIA's data sheets say (H100: SXM)."""
UTILISATION = 0.15
PLAIN_LOGITS = 3  # matrices of logits that a plain loss, the default on a GPU, holds at once: docs/scale.md
FEW_IMAGES, FEW_PEOPLE = 2, 8  # for the memory of an image, in which the classifier has no part


class Data(NamedTuple):
    """A training set: its name, images and people, and the GPUs that share a step of its published trainings."""

    name: str
    images: int
    people: int
    gpus: int = 1


VGGFACE2 = Data("VGGFace2", 3_140_000, 8_631)
CASIA = Data("CASIA", 490_000, 10_572)
MS1MV3 = Data("MS1MV3", 5_179_510, 93_431, gpus=8)
RECIPES = {
    "resnet34_arcface": VGGFACE2,
    "resnet50_arcface": VGGFACE2,
    "seresnet50_arcface": VGGFACE2,
    "iresnet50_arcface": VGGFACE2,
    "mobilefacenet_arcface": VGGFACE2,
    "mobilenetv2_arcface": VGGFACE2,
    "convnext_tiny_softmax": VGGFACE2,
    "spherenet20_arcface": VGGFACE2,
    "spherenet20_sphereface": VGGFACE2,
    "hw2p2_seresnet34_joint": Data("HW2P2", 431_550, 8_631),
    "casia_iresnet50_arcface": CASIA,
    "casia_iresnet18_adaface": CASIA,
    "ms1mv3_iresnet50_arcface": MS1MV3,
    "ms1mv3_iresnet100_arcface": MS1MV3,
    "ms1mv3_mobilefacenet_arcface": MS1MV3,
}


class Recipe:
    """An experiment's YAML with a training set.

    Args:
        name: of the file, without its ending.
        data: the set that it trains on.
    """

    def __init__(self, name: str, data: Data) -> None:
        self.name, self.data = name, data
        self.settings: dict[str, Any] = read_config(EXPERIMENTS / f"{name}.yaml")
        with torch.device("meta"):  # sizes alone: no memory, no arithmetic
            model = recognizer(self.settings, data.people)
            self.backbone, self.classifier = count_parameters(model.backbone), count_parameters(model.loss)
            self.forward = multiply_adds(model.backbone, tuple(self.settings["model"]["image_size"]))
        self.epochs = int(self.settings["trainer"]["max_epochs"])
        self.batch_size = int(self.settings["data"]["batch_size"])

    @property
    def flops(self) -> float:
        """FLOPs of the training: two a multiply-add, and a step takes three forward passes.

        An image meets each class weight once, so a classifier has as many multiply-adds as parameters.
        """
        return 2.0 * 3.0 * (self.forward + self.classifier) * self.data.images * self.epochs

    def hours(self, peak: float, utilisation: float) -> float:
        """Hours on one GPU that does a share of its peak."""
        return self.flops / (peak * utilisation) / 3600.0

    def memory(self) -> float:
        """Bytes on each GPU: weights, the logits of a step, and what the forward pass of its own images keeps."""
        has_second_moment = self.settings["model"]["optimizer"]["class_path"] != "torch.optim.SGD"
        is_averaged = (self.settings.get("average") or {}).get("kind") is not None
        copies = 4 + has_second_moment + is_averaged  # weight, momentum, gradient, its division by the processes
        weights = 4 * copies * (self.backbone + self.classifier)
        logits = 4 * PLAIN_LOGITS * self.batch_size * self.data.gpus * self.data.people
        model, data = recognizer(self.settings, FEW_PEOPLE), data_module(self.settings)
        step = TrainingStep(model, data, precision="bf16-mixed", batch_size=FEW_IMAGES)
        return weights + logits + self.batch_size * PEAK * memory_per_image(step, FEW_IMAGES)

    def row(self, utilisation: float = UTILISATION) -> list[str]:
        """Cells of the table but the last, the memory."""
        hours = " / ".join(_hours(self.hours(peak, utilisation)) for peak in PEAKS.values())
        return [
            f"[{self.name}](../experiments/{self.name}.yaml)",
            self.data.name,
            f"{self.backbone / 1e6:.1f} + {self.classifier / 1e6:.1f} M",
            f"{self.forward / 1e9:.2f} G",
            f"{self.data.images / 1e6:.2f} M x {self.epochs}",
            f"{self.flops / 1e18:.2f}",
            hours,
        ]


def _hours(hours: float) -> str:
    return f"{hours:.0f}" if hours >= 10.0 else f"{hours:.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--utilisation", type=float, default=UTILISATION, help="share of the peak (default: 0.15)")
    utilisation = parser.parse_args().utilisation
    recipes = [Recipe(name, data) for name, data in RECIPES.items()]
    rows = [[*recipe.row(utilisation), f"{recipe.memory() / 1e9:.0f} GB"] for recipe in tqdm(recipes, leave=False)]
    hours = " / ".join(PEAKS)
    print(f"| recipe | data | parameters | multiply-adds | images x epochs | EFLOP | hours: {hours} | memory |")
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
