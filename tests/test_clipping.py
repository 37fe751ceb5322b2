"""Adaptive gradient clipping against its equation, written as loops."""

import pytest
import timm.utils
import torch
from torch import nn

from facerec.backbones import ResNet
from facerec.callbacks import AdaptiveGradientClipping
from facerec.clipping import clip_adaptively_
from tests.launches import Launches


def networks() -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(5, 4))
    with torch.no_grad():
        network[0].weight[2] = 0.0  # a unit that starts at zero can move, by eps
    network(10.0 * torch.randn(7, 3, 3, 3)).square().sum().backward()
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    return network, gradients


def test_each_unit_is_clipped_to_its_share() -> None:
    network, gradients = networks()
    clip_adaptively_(network.parameters(), clip_factor=0.05, eps=1e-3)
    clipped = 0
    for parameter, before in zip(network.parameters(), gradients, strict=True):
        tensors = (parameter, before, parameter.grad)
        units = [tensors] if parameter.ndim == 1 else zip(*tensors, strict=True)
        for weight, gradient, result in units:
            limit = 0.05 * max(weight.square().sum().sqrt().item(), 1e-3)
            norm = gradient.square().sum().sqrt().item()
            clipped += norm > limit
            torch.testing.assert_close(result, gradient * (limit / norm) if norm > limit else gradient)
    assert clipped > 5


def test_it_equals_timm() -> None:
    ours, _ = networks()
    theirs, _ = networks()
    clip_adaptively_(ours.parameters(), 0.01)
    timm.utils.adaptive_clip_grad(theirs.parameters(), 0.01)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_the_callback_clips_the_backbone_and_leaves_the_class_weights() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.loss = nn.Linear(3, 2), nn.Linear(2, 4)

    model = Model()
    (100.0 * model.loss(model.backbone(torch.randn(5, 3)))).square().sum().backward()
    before = model.loss.weight.grad.clone()
    AdaptiveGradientClipping(0.02).on_before_optimizer_step(None, model, None)
    assert torch.equal(model.loss.weight.grad, before)
    shares = model.backbone.weight.grad.norm(dim=1) / model.backbone.weight.norm(dim=1)
    assert shares.tolist() == pytest.approx([0.02, 0.02])


def test_bad_settings_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match="adaptive gradient clipping clip_factor=0.0: must be positive"):
        AdaptiveGradientClipping(clip_factor=0.0)
    with pytest.raises(ValueError, match="adaptive gradient clipping eps=-1.0: must be positive"):
        AdaptiveGradientClipping(eps=-1.0)


def test_a_gpu_launches_a_norm_for_each_matrix_and_the_rest_at_once() -> None:
    parameters = list(ResNet(18, width=8, embedding_dim=8).to("meta").parameters())
    for parameter in parameters:
        parameter.grad = torch.empty_like(parameter)
    with Launches() as launches:
        clip_adaptively_(parameters)
    matrices = sum(parameter.ndim > 1 for parameter in parameters)
    assert launches.operators["linalg_vector_norm"] == 2 * matrices > 40
    assert launches.total - 2 * matrices <= 8
    assert not launches.waits
