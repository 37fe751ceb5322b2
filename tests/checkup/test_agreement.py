"""A device that computes something else is found, and rounding is not taken for a fault."""

import pytest
import torch
from torch import nn

from facerec.backbones import AlexNet
from facerec.checkup import cases
from facerec.checkup.agreement import CPU, EXACT, Case, Place, deviations, places_of, relative_deviation, tf32
from facerec.checkup.cases import all_cases, augmentation_case, kinks_case, loss_case, network_case
from facerec.losses import ArcFace
from facerec.machine import Gpu, Machine
from facerec.transforms import geometry

HALF = Place("cpu", "bfloat16")
CONVOLUTION = nn.Conv2d._conv_forward


def found(places: list[Place]) -> dict[str, tuple[float, bool]]:
    """Deviation and verdict by quantity and arithmetic."""
    return {
        f"{deviation.what}, {deviation.place.arithmetic}": (deviation.value, deviation.agrees)
        for case in all_cases(quick=True)
        for deviation in deviations(case, places)
    }


def test_this_machine_computes_right():
    verdicts = found([CPU, HALF])
    assert len(verdicts) == 7 + 2 + 3 + 3
    assert all(agrees for _, agrees in verdicts.values()), verdicts
    rounded = {what: value for what, (value, _) in verdicts.items() if "kinks" not in what}
    assert all(value > 0.0 for value in rounded.values()), "the reference was compared with itself"


@pytest.mark.parametrize("share", [1e-2, 1e-3])
def test_convolutions_that_are_off_are_found(share, monkeypatch):
    """Only float32 is wrong, as on a faulty device; losses have no convolutions."""

    def off(self, images, weight, bias):
        maps = CONVOLUTION(self, images, weight, bias)
        return maps + share * maps.roll(1, dims=1) if maps.dtype == torch.float32 else maps

    monkeypatch.setattr(nn.Conv2d, "_conv_forward", off)
    wrong = {what for what, (_, agrees) in found([CPU]).items() if not agrees}
    assert wrong == {f"narrow ResNet-18 {what}, float32" for what in ("embeddings", "folded", "gradients")}


def test_gradients_that_are_off_are_found(monkeypatch):
    """The outputs are right, so that nothing else would tell."""

    def off(self, images, weight, bias):
        maps = CONVOLUTION(self, images, weight, bias)
        is_narrow = self.in_channels < 8 and maps.dtype == torch.float32
        return maps + 0.02 * (maps - maps.detach()) if is_narrow else maps

    monkeypatch.setattr(nn.Conv2d, "_conv_forward", off)
    assert [what for what, (_, agrees) in found([CPU]).items() if not agrees] == ["narrow ResNet-18 gradients, float32"]


def test_gradients_do_not_hang_on_the_rounding_of_a_maximum(monkeypatch):
    """Images that differ by 1e-6 give gradients that do; with max pooling, 3e-3: some maxima are elsewhere."""
    original = cases.random_bytes

    def gradients(difference: float) -> torch.Tensor:
        generator = torch.Generator().manual_seed(2)

        def other(count, image_size):
            noise = torch.randn(count, 3, *image_size, generator=generator, dtype=torch.float64)
            return original(count, image_size) + 127.5 * difference * noise

        monkeypatch.setattr(cases, "random_bytes", other)
        torch.manual_seed(0)
        return network_case("AlexNet", AlexNet(embedding_dim=8), (64, 64)).compute(EXACT)["gradients"][0]

    assert 0.0 < relative_deviation(gradients(1e-6), gradients(0.0)) < 1e-5


@pytest.mark.parametrize("place", [CPU, HALF], ids=str)
def test_gradients_at_kinks_are_exact_in_every_arithmetic(place):
    case = kinks_case()
    right, got = case.compute(EXACT)[""], case.compute(place)[""]
    maps, images_gradient, slope = right
    assert {0.0, 6.0} < set(maps.unique().tolist()), "both sides of each kink"
    assert slope.abs().min() > 0.0
    assert len(images_gradient.unique()) > 4, "some values are the maximum of several windows"
    assert torch.equal(got[0].double(), maps)
    assert torch.equal(got[1].double(), images_gradient)


@pytest.mark.parametrize("kind", [nn.ReLU, nn.ReLU6, nn.PReLU, nn.MaxPool2d])
def test_gradients_that_are_off_at_a_kink_are_found(kind, monkeypatch):
    """The outputs are right. The networks of the table have no kink in their gradients, so only one case sees it."""
    original = kind.forward

    def off(self, maps):
        found = original(self, maps)
        return found + 1e-3 * (found - found.detach()) if found.dtype == torch.float32 else found

    monkeypatch.setattr(kind, "forward", off)
    assert [what for what, (_, agrees) in found([CPU]).items() if not agrees] == ["kinks, float32"]


def test_another_draw_of_an_augmentation_is_found(monkeypatch):
    """The second computation is that of the device."""
    case = augmentation_case()
    right = case.compute(CPU)
    original = geometry.Draws.uniform
    monkeypatch.setattr(geometry.Draws, "uniform", lambda *args, **settings: original(*args, **settings) * 0.98)
    other = case.compute(CPU)
    elsewhere = Place("cpu", "float32")
    [deviation] = deviations(Case("a", lambda place: right if place is EXACT else other, case.tolerances), [elsewhere])
    assert not deviation.agrees


def test_losses_are_exact_in_their_value_and_every_gradient():
    results = loss_case(ArcFace()).compute(CPU)[""]
    assert [tuple(tensor.shape) for tensor in results] == [(), (32, 64), (50, 64)]


@pytest.mark.parametrize(
    ("got", "expected"),
    [([3.0, 4.0], 0.0), ([3.0, 4.5], 0.1), ([3.0, float("nan")], float("inf")), ([3.0], float("inf"))],
)
def test_relative_deviation(got, expected):
    right = torch.tensor([3.0, 4.0])
    assert relative_deviation(torch.tensor(got), right) == pytest.approx(expected)
    assert relative_deviation(right, torch.tensor([3.0, float("inf")])) == float("inf")


def test_a_quantity_without_a_tolerance_is_not_compared():
    case = Case("x", lambda place: {"": [torch.ones(1)]}, {"": {"float32": 0.0}})
    assert deviations(case, [HALF, EXACT]) == []
    assert [deviation.agrees for deviation in deviations(case, [CPU])] == [True]


def test_rounding_of_float32_is_forbidden_for_a_while_and_put_back():
    before = torch.backends.cudnn.allow_tf32
    assert before, "as torch has it"
    with tf32(False):
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
    with tf32(True):
        assert torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32


def test_places_of_a_machine():
    gpus = (Gpu("A100", 2**35, has_bfloat16=True), Gpu("T4", 2**34, has_bfloat16=False))
    assert [str(place) for place in places_of(Machine(bfloat16="AMX", gpus=gpus))] == [
        "cpu float32",
        "cpu bfloat16",
        "cuda:0 float32",
        "cuda:0 float16",
        "cuda:0 TF32",
        "cuda:0 bfloat16",
        "cuda:1 float32",
        "cuda:1 float16",
    ]
    assert [str(place) for place in places_of(Machine(has_mps=True))] == ["cpu float32", "mps float32"]
