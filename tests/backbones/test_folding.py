"""Folded networks are the networks they were made from."""

import pytest
import torch
from torch import nn

from facerec.backbones import TimmBackbone
from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.folding import fold_batch_norm

# One of each family, small. The number is of the normalisations that no layer comes before.
FAMILIES = {
    "lenet": ({"image_size": (64, 64)}, 0),
    "alexnet": ({"width": 16}, 0),
    "vgg11": ({"width": 8}, 0),
    "plainnet18": ({"width": 8}, 0),
    "cifar_plainnet20": ({}, 0),
    "cifar_resnet20": ({}, 0),
    "resnet18": ({"width": 8}, 0),
    "resnet50": ({"width": 8}, 0),
    "seresnet18": ({"width": 8}, 0),
    "resnext50": ({"width": 16}, 0),
    "resnest50": ({"width": 8}, 0),
    "regnet_x_200mf": ({"stem": "paper"}, 0),
    "densenet121": ({"growth_rate": 4}, 62),  # one at the head of each of 58 layers and 3 transitions, and the last
    "mobilenet_v1": ({"width_multiplier": 0.25}, 0),
    "mobilenet_v2": ({"width_multiplier": 0.25}, 0),
    "efficientnet_b0": ({"stem": "paper"}, 0),
    "convnext_tiny": ({"width": 16}, 0),
    "spherenet10": ({"width": 8}, 0),
    "iresnet18": ({"width": 8}, 9),  # one at the head of each of 8 blocks, and the last
    "mobilefacenet": ({}, 0),
}


def norms(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d))]


def trained_like(network: nn.Module) -> nn.Module:
    """With statistics, gains and shifts that are not those of a fresh normalisation."""
    for norm in norms(network):
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    return network.eval()


def test_every_family_with_normalisation_is_here() -> None:
    def family(name: str) -> str:
        return name.split("_")[0].rstrip("0123456789")

    # NFNets are large, and have no normalisation but the head's, which all have.
    assert {family(name) for name in FAMILIES} | {"nfnet"} == {family(name) for name in CATALOGUE}


@pytest.mark.parametrize("name", FAMILIES)
@torch.no_grad()
def test_a_folded_network_gives_the_same_embeddings(name: str) -> None:
    settings, left = dict(FAMILIES[name][0]), FAMILIES[name][1]
    torch.manual_seed(0)
    size = settings.pop("image_size", (48, 48))
    network = CATALOGUE[name](embedding_dim=32, **settings)
    network.build(size)
    trained_like(network)
    before = len(norms(network))
    folded = fold_batch_norm(network, torch.randn(1, 3, *size))
    assert len(norms(folded)) == left
    assert len(norms(network)) == before >= 1  # the one that was given is as it was
    images = torch.randn(3, 3, *size)
    difference = (folded(images) - network(images)).norm() / network(images).norm()
    assert difference <= 1e-5


@torch.no_grad()
def test_a_network_of_timm_gives_the_same_embeddings() -> None:
    network = trained_like(TimmBackbone("test_resnet", 32))
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(fold_batch_norm(network, images)(images), network(images), rtol=1e-4, atol=1e-5)


class Reuses(nn.Module):
    """Uses the output of its convolution beside the normalisation: folding would change it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) * y


class Shares(nn.Module):
    """One convolution before two normalisations."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.first, self.second = nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.conv(self.first(self.conv(x))))


@torch.no_grad()
def test_what_cannot_be_folded_is_left_alone() -> None:
    images = torch.randn(2, 3, 8, 8)
    torch.manual_seed(0)
    reuses, shares = trained_like(Reuses()), trained_like(Shares())
    with pytest.warns(UserWarning, match="Reuses is not the same"):
        torch.testing.assert_close(fold_batch_norm(reuses, images)(images), reuses(images))
    torch.testing.assert_close(fold_batch_norm(shares, images)(images), shares(images))


def test_a_network_in_training_is_refused() -> None:
    with pytest.raises(ValueError, match="evaluation mode"):
        fold_batch_norm(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)), torch.randn(2, 3, 8, 8))


def test_a_normalisation_in_training_is_refused_and_its_statistics_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    network[1].train()
    before = network[1].running_mean.clone()
    with pytest.raises(ValueError, match="evaluation mode"):
        fold_batch_norm(network, torch.randn(2, 3, 8, 8))
    torch.testing.assert_close(network[1].running_mean, before, rtol=0, atol=0)
