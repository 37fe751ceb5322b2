"""Receptive fields against published ones, and against the gradients of networks that use every pixel they can see."""

import pytest
import torch
from torch import Tensor, nn

from facerec.backbones import ResNet, StagedBackbone, TimmBackbone
from facerec.backbones.catalogue import CATALOGUE
from facerec.plots.look.effective_field import centre_unit, gradient_fields, stays_inside
from facerec.plots.look.receptive_field import Field, Span, receptive_fields
from facerec.plots.look.stage_maps import stage_maps
from tests.backbones.test_backbones import SMALL


def using_all_it_sees(backbone: nn.Module) -> nn.Module:
    """The network in float64 with positive weights and mean pooling: no gradient cancels, stops or is chosen away."""
    generator = torch.Generator().manual_seed(0)
    for parent in list(backbone.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.MaxPool2d):
                settings = (child.kernel_size, child.stride, child.padding, child.ceil_mode)
                setattr(parent, name, nn.AvgPool2d(*settings))
    for module in backbone.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            shares = torch.rand(module.weight.shape, generator=generator) + 0.5
            module.weight.data = shares / shares.flatten(1).sum(1).view(-1, *[1] * (shares.dim() - 1))
            if module.bias is not None:
                nn.init.constant_(module.bias, 0.01)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)  # those that end a branch start at zero
    for weight in backbone.parameters():
        if weight.dim() == 0:  # the gain of a branch, which starts at zero too
            nn.init.ones_(weight)
    return backbone.double().eval()


def seen_pixels(field: Field, unit: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """The pixels of an image that a field holds, one by one."""
    if field.sees_all:
        return torch.ones(size, dtype=torch.bool)
    seen = torch.zeros(size, dtype=torch.bool)
    (top, bottom), (left, right) = field.rows.of_unit(unit[0]), field.columns.of_unit(unit[1])
    for row in range(size[0]):
        for column in range(size[1]):
            seen[row, column] = top <= row <= bottom and left <= column <= right
    return seen


def assert_gradients_fill_fields(backbone: nn.Module, size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    image *= 0.01  # sums stay below 6, where ReLU6 ends
    fields, gradients = receptive_fields(backbone, size), gradient_fields(backbone, image)
    maps = stage_maps(backbone, image[0])
    assert list(fields) == list(gradients) == list(maps)
    assert len(fields) > 1
    for name, field in fields.items():
        unit = centre_unit(maps[name].shape)
        assert torch.equal(gradients[name] > 0.0, seen_pixels(field, unit, size)), name
        assert stays_inside(gradients[name], field, unit)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_of_every_family_fill_its_fields(name):
    backbone = SMALL[name](embedding_dim=8)
    if not isinstance(backbone, StagedBackbone):
        pytest.skip("not one of our families")
    backbone.build((64, 60))
    assert_gradients_fill_fields(using_all_it_sees(backbone), (64, 60))


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_efficientnet", "test_mambaout"])
def test_gradients_of_other_networks_fill_their_fields(name):
    assert_gradients_fill_fields(using_all_it_sees(TimmBackbone(name, embedding_dim=8)), (96, 64))


@pytest.mark.parametrize(
    ("name", "size"),
    [("alexnet", 195), ("vgg16", 212), ("resnet18", 435), ("resnet34", 899), ("resnet50", 427), ("mobilenet_v1", 315)],
)
def test_fields_are_the_published_ones(name, size):
    # AlexNet, VGG and MobileNet: the table of Araujo et al. 2019. ResNets with the stride in the 3x3 convolution:
    # torchvision's, of which many tables exist.
    with torch.device("meta"):  # shapes alone
        backbone = CATALOGUE[name](embedding_dim=8, stem="paper").eval()
    field = list(receptive_fields(backbone, (224, 224)).values())[-1]
    assert field == Field(field.rows, field.rows)
    assert (field.rows.size, field.rows.jump) == (size, 32)


def test_spans_are_those_of_plain_loops():
    # Each unit as a set of pixels.
    pixels = {unit: {unit} for unit in range(-300, 300)}
    span = Span(0, 0, 1)
    for kernel, stride, padding, dilation in [(3, 1, 1, 1), (5, 2, 0, 1), (3, 2, 2, 2), (2, 2, 0, 1)]:
        span = span.through(kernel, stride, padding, dilation)
        taps = {unit: [unit * stride - padding + tap * dilation for tap in range(kernel)] for unit in pixels}
        pixels = {
            unit: set().union(*(pixels[tap] for tap in some))
            for unit, some in taps.items()
            if pixels.keys() >= set(some)
        }
    for unit in range(4):
        assert span.of_unit(unit) == (min(pixels[unit]), max(pixels[unit]))
    assert Span(0, 4, 2).joined(Span(-1, 3, 2)) == Span(-1, 4, 2)
    assert Span(0, 4, 2).joined(Span(0, 4, 4)) is None


class Rolled(nn.Module):
    """Moves places, which the arithmetic does not follow."""

    def forward(self, maps):
        return maps.roll(7, dims=-1)


def test_a_field_that_the_gradient_leaves_is_noticed():
    backbone = ResNet(18, embedding_dim=8, width=4).eval()
    backbone.stages[0].append(Rolled())
    fields, image = receptive_fields(backbone, (64, 64)), torch.rand(1, 3, 64, 64)
    gradients = gradient_fields(backbone, image)
    maps = stage_maps(backbone, image[0])
    inside = {name: stays_inside(gradients[name], fields[name], centre_unit(maps[name].shape)) for name in maps}
    assert inside["stem"]
    assert not inside["stage1"]


def test_attention_has_no_field_and_leaves_the_network_as_it_was():
    backbone = ResNet(18, embedding_dim=8, width=4).eval()
    backbone.stages[1].append(Attention())
    hooks = [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in backbone.modules()]
    fields = receptive_fields(backbone, (96, 64))
    assert fields["stage1"] is not None
    assert fields["stage2"] is fields["stage3"] is None
    assert hooks == [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in backbone.modules()]


class Attention(nn.Module):
    """Every place becomes a mean of all."""

    def forward(self, maps):
        tokens = maps.flatten(2)
        weights = (tokens.transpose(1, 2) @ tokens).softmax(-1)
        return (tokens @ weights).view_as(maps)
