"""Speed, capacity and advice: of a small training, and of numbers that stand for other machines."""

import pytest
import torch

from facerec.backbones import ResNet
from facerec.checkup.advice import advice
from facerec.checkup.capacity import Capacity, fits, largest_batch, largest_that_fits, memory_per_image
from facerec.checkup.printing import capacity_lines, speed_lines
from facerec.checkup.speed import Speed, affordable_batch, measure_reading, measure_speed
from facerec.checkup.training import Training, measure_training
from facerec.checkup.training_step import TrainingStep
from facerec.data import FaceDataModule
from facerec.losses import ArcFace, Softmax, SupCon
from facerec.machine import Gpu, Machine, available_memory
from facerec.recognizer import FaceRecognizer
from facerec.transforms import Augment, Mix

PHASES = ["augment", "forward", "loss", "backward", "optimizer"]


def step_of(precision="32-true", loss=None, batch_size=8, **data) -> TrainingStep:
    backbone = ResNet(18, embedding_dim=8, width=8)
    recognizer = FaceRecognizer(backbone, loss or ArcFace(), torch.optim.SGD, num_classes=5, image_size=(32, 32))
    recognizer.optimizer = lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    module = FaceDataModule(image_size=(32, 32), batch_size=batch_size, **data)
    return TrainingStep(recognizer, module, "cpu", precision)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_a_step_trains_all_weights_in_its_phases(precision):
    step, laps = step_of(precision, augment=Augment(rotation=5.0)), []
    before = [weight.clone() for weight in step.recognizer.parameters()]
    step(laps.append)
    step()
    assert laps == PHASES
    assert step.precision == ("32-true" if precision == "32-true" else "bf16-mixed")
    changed = [bool((weight != old).any()) for weight, old in zip(step.recognizer.parameters(), before, strict=True)]
    assert all(changed)
    assert all(weight.isfinite().all() for weight in step.recognizer.parameters())


def test_views_pairs_and_mixing_are_those_of_the_configuration():
    step = step_of(loss=SupCon(), images_per_person=2, views=2)
    assert step.batch.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    step()
    step_of(loss=Softmax(), mix=Mix(mixup=0.2))()


def test_a_precision_that_is_not_measured_is_named():
    with pytest.raises(ValueError, match=r"trainer.precision='64-true': choose one of 32-true, bf16-mixed, 16-mixed"):
        step_of("64-true")


def test_speed():
    speed = measure_speed(step_of(), seconds=0.05, least_steps=2)
    assert list(speed.phases) == PHASES
    assert speed.steps >= 2
    assert speed.images_per_second == pytest.approx(8 / sum(speed.phases.values()))
    assert speed.phases["backward"] > speed.phases["loss"] > 0.0


def test_speed_scales_with_the_images_but_for_the_optimizer():
    speed = Speed({"forward": 0.1, "optimizer": 0.5}, batch_size=8, measured_with=8, steps=1).scaled_to(32)
    assert speed.phases == {"forward": 0.4, "optimizer": 0.5}
    assert (speed.batch_size, speed.measured_with) == (32, 8)


def test_a_batch_that_takes_long_is_measured_with_fewer_images():
    step = step_of(batch_size=4096)
    assert affordable_batch(step, 4096, seconds=0.0) == 8
    assert affordable_batch(step, 3, seconds=1.0) == 3
    assert 8 < affordable_batch(step, 4096, seconds=0.5) <= 4096


def test_reading():
    assert measure_reading((32, 32), seconds=0.0) > 100


@pytest.mark.parametrize("limit", [0, 1, 2, 7, 31, 32, 33, 1000, 70_000])
def test_the_largest_that_fits_is_exact_to_an_eighth(limit):
    tried = []

    def fitting(size: int) -> bool:
        tried.append(size)
        return size <= limit

    answer = largest_that_fits(fitting, 32)
    assert answer <= limit
    assert answer >= min(limit, 2**16) - max(1, limit / 8)
    assert len(tried) < 20


def test_running_out_of_memory_is_an_answer():
    step = step_of()

    def step_on_a_small_device(lap=None):
        if len(step.batch.labels) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory")

    step.recognizer.forward = lambda images: step_on_a_small_device() or torch.ones(len(images), 8, requires_grad=True)
    assert fits(step, 20)
    assert not fits(step, 21)
    assert largest_that_fits(lambda size: fits(step, size), 8) in (18, 19, 20)


def test_other_errors_are_no_answer():
    step = step_of()
    step.recognizer.forward = lambda images: 1 / 0
    with pytest.raises(ZeroDivisionError):
        fits(step, 2)


def test_memory_of_an_image_is_what_the_forward_pass_keeps():
    """A network with one convolution keeps its input, and the embedding layer its input: known sizes."""
    step = step_of()

    class Tiny(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Linear(4 * 32 * 32, 8)

        def forward(self, images):
            return self.linear(self.conv(images).flatten(1))

    step.recognizer.backbone = Tiny()
    step.recognizer.memory_format = torch.contiguous_format
    kept = 4 * (3 + 4) * 32 * 32
    assert kept <= memory_per_image(step) <= 1.1 * kept  # the loss keeps a little


def test_capacity_of_a_cpu_is_estimated():
    capacity = largest_batch(step_of())
    assert capacity.images > 100
    assert "GiB are free" in capacity.explanation
    assert available_memory() > 2**20


def training(device="cpu", precision="bf16-mixed", reading=5000.0, workers=0, capacity=None, **phases) -> Training:
    phases = {"augment": 0.01, "forward": 0.1, "loss": 0.01, "backward": 0.2, "optimizer": 0.01} | phases
    speed = Speed(phases, batch_size=32, measured_with=32, steps=9)
    return Training(device, precision, 24, speed, reading, workers, threads=2, capacity=capacity)


TWO_CORES = Machine(cores=2, bfloat16="AMX")
GPU = Machine(cores=9, gpus=(Gpu("A100", 2**35, has_bfloat16=True),))


@pytest.mark.parametrize(
    ("measured", "machine", "said"),
    [
        (training(), TWO_CORES, ["The network limits", "Set a smaller model.image_size"]),
        (training(precision="32-true"), TWO_CORES, ["The network", "Set trainer.precision auto: AMX"]),
        (training(augment=1.0), TWO_CORES, ["The augmentation limits", "data.augment"]),
        (training(loss=1.0), TWO_CORES, ["The loss limits", "matmul_precision"]),
        (training(optimizer=1.0), TWO_CORES, ["The optimizer limits", "fused"]),
        (training(reading=10.0), TWO_CORES, ["The reading limits", "facerec pack"]),
        (training("cuda", reading=10.0, workers=8), GPU, ["The reading limits: it takes 100 %", "facerec pack"]),
        (training("cuda", reading=50.0, workers=8), GPU, ["The network limits"]),
        (training("cuda", capacity=Capacity(500, "")), GPU, ["The network", "data.batch_size, up to 500"]),
        (training("cuda", capacity=Capacity(20, "")), GPU, ["32 images do not fit", "batch_size 16 and", "batches 2."]),
        (training(), Machine(cores=1), ["Set OMP_NUM_THREADS=1"]),
        (training(), Machine(cores=8), ["Unset OMP_NUM_THREADS: torch uses 2 of 8 cores"]),
        (training(backward=2.0), TWO_CORES, ["lfw_resnet18_arcface.yaml is made for CPUs"]),
    ],
)
def test_advice(measured, machine, said):
    text = " ".join(advice(measured, machine))
    assert all(part in text for part in said), text


def test_workers_read_beside_the_steps():
    assert training(reading=50.0, workers=8).images_per_second == pytest.approx(32 / 0.33)
    assert training(reading=10.0, workers=8).images_per_second == pytest.approx(80.0)
    assert training(reading=100.0).images_per_second == pytest.approx(32 / (0.33 + 0.16))


def test_the_table_says_what_was_measured():
    lines = "\n".join(speed_lines(training(capacity=Capacity(1234, "tried"))))
    assert "training step on cpu in bf16-mixed: 32 images, 24 people, median of 9\n" in lines
    assert "  forward         100.0    30 %        320\n" in lines
    assert "  step            330.0   100 %         97\n" in lines
    assert "min for 100,000 images" in lines
    assert capacity_lines(training(capacity=Capacity(1234, "tried"))) == ["largest batch: 1,234 images (tried)"]
    assert capacity_lines(training()) == []


def test_a_whole_measurement():
    measured = measure_training(step_of(batch_size=64), workers=0, quick=True)
    assert (measured.people, measured.speed.batch_size, measured.device) == (5, 64, "cpu")
    assert measured.capacity.images > 64
