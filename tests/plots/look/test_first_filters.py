"""First filters as they are applied: plain, folded, standardised, and none at all."""

import torch
from torch import nn

from facerec.backbones import NFNet, ResNet, TimmBackbone
from facerec.backbones.folding import fold_for_use
from facerec.plots.look.first_filters import first_filters


def by_strength(filters):
    order = sorted(range(len(filters)), key=lambda place: -filters[place].norm().item())
    return filters[order].detach()


def test_filters_have_the_gain_of_the_normalisation_behind_them():
    backbone = ResNet(18, embedding_dim=8, width=4, stem="paper").eval()
    conv, norm = backbone.stem[0], backbone.stem[1]
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    norm.running_var.uniform_(0.5, 2.0)
    torch.testing.assert_close(first_filters(backbone, (32, 32)), by_strength(conv.weight))
    folded = fold_for_use(backbone, (32, 32), torch.channels_last)
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(first_filters(folded, (32, 32)), by_strength(conv.weight * gain[:, None, None, None]))


def test_standardised_filters_have_mean_zero():
    filters = first_filters(NFNet("small", embedding_dim=8).eval(), (32, 32))
    assert filters.shape[1:] == (3, 3, 3)
    torch.testing.assert_close(filters.mean((1, 2, 3)), torch.zeros(len(filters)), atol=1e-6, rtol=0)


def test_patches_are_filters_too():
    assert first_filters(TimmBackbone("test_vit", embedding_dim=8).eval(), (160, 160)).shape[1:] == (3, 16, 16)


def test_a_convolution_that_sees_no_image_has_none():
    backbone = ResNet(18, embedding_dim=8, width=4).eval()
    backbone.stem[0] = nn.Conv2d(12, 4, 3, padding=1)
    backbone.stem.insert(0, nn.PixelUnshuffle(2))
    assert first_filters(backbone, (32, 32)) is None
