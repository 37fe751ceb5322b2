"""Winograd's convolution against the sum of its definition in float64, and where it stays away."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from facerec.backbones import winograd
from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.winograd import WinogradConv2d, convolve, transform_filters, use_winograd


def convolution(channels_in=64, channels_out=64, **settings):
    return nn.Conv2d(channels_in, channels_out, **{"kernel_size": 3, "padding": 1} | settings).requires_grad_(False)


def error(got, exact):
    return float((got.double() - exact).norm() / exact.norm())


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(1, 1), (4, 4), (7, 7), (8, 5), (14, 13), (28, 16)])
@pytest.mark.parametrize(("channels_in", "channels_out", "bias"), [(3, 5, True), (64, 80, False), (96, 64, True)])
def test_it_is_the_convolution(size, channels_in, channels_out, bias, memory_format):
    torch.manual_seed(0)
    conv = convolution(channels_in, channels_out, bias=bias)
    images = torch.randn(3, channels_in, *size).contiguous(memory_format=memory_format)
    exact = F.conv2d(images.double(), conv.weight.double(), conv.bias.double() if bias else None, padding=1)
    got = convolve(images, transform_filters(conv.weight), conv.bias)
    assert got.shape == exact.shape
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert error(got, exact) <= 5e-6


def test_in_float64_nothing_but_rounding_is_left():
    """The matrices are exact: what float32 shows is its own rounding."""
    torch.manual_seed(0)
    images, weight = torch.randn(1, 1, 6, 6).double(), torch.randn(1, 1, 3, 3).double()
    tile = winograd.TO_INPUT_3636.double() @ images.reshape(36)
    products = tile * transform_filters(weight).reshape(36)
    got = (winograd.TO_OUTPUT_1636.double() @ products).view(1, 1, 4, 4)
    torch.testing.assert_close(got, F.conv2d(images, weight), rtol=1e-13, atol=1e-13)


def test_the_number_of_images_at_a_time_does_not_matter(monkeypatch):
    torch.manual_seed(0)
    conv, images = convolution(), torch.randn(7, 64, 9, 6)
    filters = transform_filters(conv.weight)
    whole = convolve(images, filters, conv.bias)
    monkeypatch.setattr(winograd, "CHUNK", 36 * 3 * 2 * 64 * 3)  # three of the seven
    torch.testing.assert_close(convolve(images, filters, conv.bias), whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "conv",
    [
        convolution(kernel_size=1, padding=0),
        convolution(stride=2),
        convolution(padding=0),
        convolution(dilation=2, padding=2),
        convolution(groups=2),
        convolution(padding_mode="reflect"),
        convolution(32, 64),
        convolution(64, 32),
    ],
)
def test_other_convolutions_are_left_alone(conv):
    assert use_winograd(nn.Sequential(conv))[0] is conv


def count_fast(monkeypatch):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return convolve(*arguments)

    monkeypatch.setattr(winograd, "convolve", counted)
    return calls


def test_where_it_pays(monkeypatch):
    calls, network = count_fast(monkeypatch), use_winograd(nn.Sequential(convolution()))
    assert isinstance(network[0], WinogradConv2d)
    images = torch.randn(8, 64, 8, 8)
    torch.testing.assert_close(network(images), network[0].conv(images), rtol=1e-4, atol=1e-5)
    assert len(calls) == 1
    for few in (images[:7], images[..., :2, :3]):  # few images, maps that are mostly padding
        assert torch.equal(network(few), network[0].conv(few))
    with torch.autocast("cpu", torch.bfloat16):
        assert network(images).dtype == torch.bfloat16
    assert network.to(torch.bfloat16)(images.bfloat16()).dtype == torch.bfloat16
    assert len(calls) == 1


def test_gradients_go_the_ordinary_way(monkeypatch):
    calls, network = count_fast(monkeypatch), use_winograd(nn.Sequential(convolution()))
    images = torch.randn(8, 64, 8, 8, requires_grad=True)
    network(images).sum().backward()
    assert images.grad is not None
    with torch.inference_mode():
        network(images)
    assert len(calls) == 1


def test_an_exported_network_has_the_convolution_itself():
    program = torch.export.export(use_winograd(nn.Sequential(convolution())), (torch.randn(8, 64, 8, 8),))
    assert [str(node.target) for node in program.graph.nodes if node.op == "call_function"] == ["aten.conv2d.default"]


@pytest.mark.parametrize(("name", "fast"), [("resnet34", 28), ("iresnet18", 12), ("vgg11", 7), ("spherenet20", 16)])
@torch.inference_mode()
def test_embeddings_stay_the_same(name, fast, monkeypatch):
    torch.manual_seed(0)
    network = CATALOGUE[name](embedding_dim=64)
    network.build((64, 64))
    network.eval()
    images = torch.randn(8, 3, 64, 64)
    expected = F.normalize(network(images))
    calls = count_fast(monkeypatch)
    got = F.normalize(use_winograd(network)(images))
    assert len(calls) == fast
    assert float((got - expected).abs().max()) <= 1e-5


def test_other_weights_take_the_place_of_the_old_ones():
    fast = use_winograd(nn.Sequential(nn.Conv2d(64, 64, 3, padding=1)))
    images = torch.randn(8, 64, 12, 12)
    with torch.no_grad():
        fast(images)
        fast.load_state_dict({name: torch.randn_like(value) for name, value in fast.state_dict().items()})
        torch.testing.assert_close(fast(images), fast[0].conv(images), rtol=1e-4, atol=1e-3)
        fast.bfloat16().float()
        torch.testing.assert_close(fast(images), fast[0].conv(images), rtol=1e-4, atol=1e-3)
