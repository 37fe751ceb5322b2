"""The table of choices: what each kind of machine gets, and which explicit settings are slow on it."""

import pytest

from facerec.machine import Gpu, Machine, choose_precision, choose_workers, slow_precision

GIB = 2**30
A100, T4 = Gpu("A100", 40 * GIB, has_bfloat16=True), Gpu("T4", 16 * GIB, has_bfloat16=False)
LAPTOP = Machine(cores=2)
AMX = Machine(cores=2, bfloat16="AMX")
AMD = Machine(cores=2, bfloat16="AVX512-BF16")
APPLE = Machine(cores=8, has_mps=True)
NEW_GPU, OLD_GPU = Machine(cores=16, gpus=(A100,)), Machine(cores=2, gpus=(T4,))
BOTH_GPUS = Machine(cores=32, bfloat16="AMX", gpus=(A100, T4))


@pytest.mark.parametrize(
    ("machine", "accelerator", "devices", "precision"),
    [
        (LAPTOP, "auto", "auto", "32-true"),
        (AMX, "auto", "auto", "bf16-mixed"),
        (AMD, "auto", "auto", "bf16-mixed"),
        (AMD, "cpu", 2, "bf16-mixed"),
        (LAPTOP, "cpu", "auto", "32-true"),
        (APPLE, "auto", "auto", "32-true"),
        (APPLE, "gpu", 1, "32-true"),
        (NEW_GPU, "auto", "auto", "bf16-mixed"),
        (NEW_GPU, "cpu", "auto", "32-true"),
        (OLD_GPU, "auto", "auto", "16-mixed"),
        (OLD_GPU, "cuda", 1, "16-mixed"),
        (BOTH_GPUS, "auto", "auto", "16-mixed"),
        (BOTH_GPUS, "gpu", 1, "bf16-mixed"),
        (BOTH_GPUS, "gpu", [0], "bf16-mixed"),
        (BOTH_GPUS, "gpu", "1,", "16-mixed"),
        (BOTH_GPUS, "gpu", -1, "16-mixed"),
        (BOTH_GPUS, "cpu", "auto", "bf16-mixed"),
        (BOTH_GPUS, "tpu", "auto", "32-true"),
        (LAPTOP, "gpu", "auto", "32-true"),  # Lightning says that there is none
        (LAPTOP, "cuda", 1, "32-true"),
    ],
)
def test_precision(machine, accelerator, devices, precision):
    choice = choose_precision(accelerator, devices, machine)
    assert choice.value == precision
    assert choice.reason
    assert not choice.reason.endswith(".")
    assert slow_precision(choice.value, accelerator, machine) is None or accelerator == "gpu"


def test_the_reason_names_what_decided():
    assert choose_precision(machine=AMX).reason.startswith("AMX instructions")
    assert choose_precision(machine=AMD).reason.startswith("AVX512-BF16 instructions")
    assert "T4 has float16" in choose_precision(machine=BOTH_GPUS).reason
    assert "accelerator tpu" in choose_precision("tpu", machine=LAPTOP).reason


@pytest.mark.parametrize(
    ("machine", "accelerator", "devices", "workers"),
    [
        (LAPTOP, "auto", "auto", 0),
        (Machine(cores=64), "auto", "auto", 0),
        (NEW_GPU, "cpu", "auto", 0),
        (NEW_GPU, "auto", "auto", 8),
        (OLD_GPU, "auto", "auto", 1),
        (Machine(cores=1, gpus=(A100,)), "auto", "auto", 0),
        (Machine(cores=6, gpus=(A100,)), "auto", "auto", 5),
        (Machine(cores=8, gpus=(A100,) * 2), "auto", "auto", 3),
        (Machine(cores=8, gpus=(A100,) * 2), "auto", 1, 7),
        (Machine(cores=8, gpus=(A100,) * 8), "auto", "auto", 0),
        (APPLE, "auto", "auto", 0),
        (BOTH_GPUS, "tpu", "auto", 0),
        (Machine(cores=16, gpus=(A100,), shared_memory=64 * 2**20), "auto", "auto", 0),  # docker's default
        (Machine(cores=16, gpus=(A100,), shared_memory=512 * 2**20), "auto", "auto", 4),
        (Machine(cores=16, gpus=(A100,), shared_memory=64 * GIB), "auto", "auto", 8),
    ],
)
def test_workers(machine, accelerator, devices, workers):
    choice = choose_workers(accelerator, devices, machine)
    assert choice.value == workers
    assert choice.reason


def test_decoded_images_need_no_workers():
    assert choose_workers(machine=NEW_GPU, is_decoded=True).value == 0


@pytest.mark.parametrize(
    ("precision", "accelerator", "machine", "said"),
    [
        ("bf16-mixed", "auto", LAPTOP, "this CPU has no fast bfloat16 instructions. 32-true is"),
        ("bf16", "cpu", NEW_GPU, "32-true is 2 to 11 times as fast"),
        ("bf16-true", "cpu", LAPTOP, "trainer.precision=bf16-true"),
        ("16-mixed", "cpu", LAPTOP, "On a CPU Lightning turns it into bf16-mixed. 32-true is 2 to 11 times as fast"),
        (16, "auto", LAPTOP, "trainer.precision=16: "),
        ("bf16-mixed", "auto", OLD_GPU, "T4 has no bfloat16 instructions. 16-mixed is several times as fast"),
        ("bf16-mixed", "auto", AMD, None),
        ("16-mixed", "auto", AMX, None),
        ("16-mixed", "auto", OLD_GPU, None),
        ("bf16-mixed", "auto", NEW_GPU, None),
        ("32-true", "auto", LAPTOP, None),
        (None, "auto", LAPTOP, None),
    ],
)
def test_an_explicit_precision_that_is_slow(precision, accelerator, machine, said):
    message = slow_precision(precision, accelerator, machine)
    assert message == said if said is None else said in message
