"""Ours and a known implementation, with the same weights: the same features and the same gradients of the input."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock as TorchvisionBlock

from facerec import backbones


class SkiplessBlock(TorchvisionBlock):
    """torchvision's residual block with its shortcut cut: the reference of a plain network."""

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


def plain(layers: list[int]) -> nn.Module:
    network = torchvision.models.ResNet(SkiplessBlock, layers)
    for module in network.modules():
        if isinstance(module, TorchvisionBlock):
            module.downsample = None
    del network.fc
    network.forward_features = nn.Sequential(*list(network.children())[:-1])
    return network


class CifarBlock(nn.Module):
    """Section 4.2 of He et al. 2016, written out: two 3x3 convolutions, and option A around them unless it is plain."""

    def __init__(self, narrow: int, wide: int, is_plain: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(narrow, wide, 3, stride=1 if narrow == wide else 2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.conv2 = nn.Conv2d(wide, wide, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(wide)
        self.is_plain = is_plain

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.is_plain:
            return out.relu()
        shortcut = torch.zeros_like(out)
        if out.shape == x.shape:
            shortcut += x
        else:  # a 1x1 pooling with stride 2 picks every second position
            shortcut[:, : x.shape[1]] = nn.functional.avg_pool2d(x, 1, stride=2)
        return (out + shortcut).relu()


def cifar(depth: int, is_plain: bool) -> nn.Module:
    widths = [16] + [width for width in (16, 32, 64) for _ in range((depth - 2) // 6)]
    blocks = [CifarBlock(narrow, wide, is_plain) for narrow, wide in pairwise(widths)]
    network = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), *blocks)
    network.forward_features = network.forward
    return network


def torchvision_features(name: str) -> nn.Module:
    network = torchvision.models.get_model(name).features
    network.forward_features = network.forward
    return network


def of_timm(name: str, **options) -> nn.Module:
    return timm.create_model(name, num_classes=0, **options)


class Pair(NamedTuple):
    ours: Callable[[], backbones.StagedBackbone]
    reference: Callable[[], nn.Module]


NF_SMALL = {"channels": (128, 256, 768, 768), "stem_chs": 64, "group_size": 64, "num_features": 1536}
PAIRS = {
    "alexnet": Pair(lambda: backbones.AlexNet(stem="paper"), lambda: torchvision_features("alexnet")),
    "vgg11": Pair(lambda: backbones.VGG(11, batch_norm=False, stem="paper"), lambda: torchvision_features("vgg11")),
    "vgg16_bn": Pair(lambda: backbones.VGG(16, stem="paper"), lambda: torchvision_features("vgg16_bn")),
    "plain18": Pair(lambda: backbones.PlainNet(18, stem="paper"), lambda: plain([2, 2, 2, 2])),
    "plain34": Pair(lambda: backbones.PlainNet(34, stem="paper"), lambda: plain([3, 4, 6, 3])),
    "cifar_plain20": Pair(lambda: backbones.CifarPlainNet(20), lambda: cifar(20, is_plain=True)),
    "cifar_resnet56": Pair(lambda: backbones.CifarResNet(56), lambda: cifar(56, is_plain=False)),
    "resnet18": Pair(lambda: backbones.ResNet(18, stem="paper"), lambda: of_timm("resnet18")),
    "resnet34": Pair(lambda: backbones.ResNet(34, stem="paper"), lambda: of_timm("resnet34")),
    "resnet50": Pair(lambda: backbones.ResNet(50, stem="paper"), lambda: of_timm("resnet50")),
    "resnet101": Pair(lambda: backbones.ResNet(101, stem="paper"), lambda: of_timm("resnet101")),
    "seresnet50": Pair(lambda: backbones.SEResNet(50, stem="paper"), lambda: of_timm("seresnet50")),
    "resnext50": Pair(lambda: backbones.ResNeXt(50, stem="paper"), lambda: of_timm("resnext50_32x4d")),
    "resnest50": Pair(lambda: backbones.ResNeSt(50, stem="paper"), lambda: of_timm("resnest50d")),
    "resnest101": Pair(lambda: backbones.ResNeSt(101, stem="paper"), lambda: of_timm("resnest101e")),
    "regnetx_400mf": Pair(lambda: backbones.RegNet("X_400MF", stem="paper"), lambda: of_timm("regnetx_004")),
    "regnety_800mf": Pair(lambda: backbones.RegNet("Y_800MF", stem="paper"), lambda: of_timm("regnety_008")),
    "densenet121": Pair(lambda: backbones.DenseNet(121, stem="paper"), lambda: of_timm("densenet121")),
    "mobilenetv1": Pair(lambda: backbones.MobileNetV1(stem="paper"), lambda: of_timm("mobilenetv1_100")),
    "mobilenetv2": Pair(lambda: backbones.MobileNetV2(stem="paper"), lambda: of_timm("mobilenetv2_100")),
    "efficientnet_b0": Pair(lambda: backbones.EfficientNet("B0", stem="paper"), lambda: of_timm("efficientnet_b0")),
    "efficientnet_b3": Pair(lambda: backbones.EfficientNet("B3", stem="paper"), lambda: of_timm("efficientnet_b3")),
    "convnext_tiny": Pair(lambda: backbones.ConvNeXt("tiny", stem="paper"), lambda: of_timm("convnext_tiny")),
    "nfnet_f0": Pair(
        lambda: backbones.NFNet("F0", stem="paper"), lambda: of_timm("nfnet_f0", skipinit=True, std_conv_eps=1e-6)
    ),
    "nfnet_small": Pair(
        lambda: backbones.NFNet("small", stem="paper"),
        lambda: of_timm("nfnet_f0", skipinit=True, std_conv_eps=1e-6, **NF_SMALL),
    ),
}


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Give every norm, gain and bias a value that matters, so that no branch hides behind a zero or a one."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif name.endswith(("running_mean", "bias")):
            tensor.normal_(0.0, 0.1, generator=generator)
        elif tensor.is_floating_point() and tensor.squeeze().ndim <= 1:  # gains of norms, layer scales, PReLU slopes
            tensor.uniform_(0.5, 1.0, generator=generator)


def tensors_in_order(network: nn.Module, run) -> list[Tensor]:
    """All float parameters and buffers that ``run`` uses, each module's in the order it first finishes."""
    used: list[nn.Module] = []
    hooks = [
        module.register_forward_hook(lambda module, args, output: used.append(module) if module not in used else None)
        for module in network.modules()
        if any(True for _ in module.parameters(recurse=False))
    ]
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return [
        tensor
        for module in used
        for tensor in (*module.parameters(recurse=False), *module.buffers(recurse=False))
        if tensor.is_floating_point()
    ]


def copy_weights(reference: list[Tensor], ours: list[Tensor]) -> None:
    """Pair the tensors one by one; a 1x1 convolution may meet the linear layer of the same shape."""
    assert len(reference) == len(ours)
    for source, target in zip(reference, ours, strict=True):
        shape = [size for size in source.shape if size > 1]
        assert shape == [size for size in target.shape if size > 1], (source.shape, target.shape)
        with torch.no_grad():
            target.copy_(source.view_as(target))


def features_and_gradient(features: Callable[[Tensor], Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    images = images.clone().requires_grad_()
    maps = features(images)
    # A fixed random direction, so that every feature counts.
    direction = torch.randn(maps.shape, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((maps * direction).sum(), images)
    return maps.detach(), gradient


def relative_error(ours: Tensor, reference: Tensor) -> float:
    return float(((ours - reference).abs().max() / reference.abs().max()).detach())


@pytest.mark.parametrize("name", PAIRS)
def test_same_weights_give_the_same_features_and_gradients(name: str) -> None:
    pair = PAIRS[name]
    torch.manual_seed(0)
    reference, ours = pair.reference().eval(), pair.ours().eval()
    randomise(reference)
    images = torch.randn(2, 3, 64, 64)

    theirs = tensors_in_order(reference, lambda: reference.forward_features(images[:1]))
    copy_weights(theirs, tensors_in_order(ours, lambda: ours.features(images[:1])))
    # Nothing was left out: what remains in theirs is the classifier's, in ours the embedding head's.
    paired = {id(tensor) for tensor in theirs}
    classifier = {id(tensor) for tensor in getattr(reference, "head", nn.Module()).parameters()}
    assert {id(tensor) for tensor in reference.parameters()} - classifier <= paired
    assert count(ours) - count(ours.head) == sum(p.numel() for p in reference.parameters() if id(p) in paired)

    # In double precision: in single, a pre-activation near zero changes sides by rounding, and its gradient with it.
    reference, ours, images = reference.double(), ours.double(), images.double()
    maps, gradient = features_and_gradient(ours.features, images)
    expected_maps, expected_gradient = features_and_gradient(reference.forward_features, images)
    assert maps.shape == expected_maps.shape
    assert relative_error(maps, expected_maps) < 1e-9
    assert relative_error(gradient, expected_gradient) < 1e-9


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
