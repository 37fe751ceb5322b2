"""Which parameters are in which group, and with which learning rate and decay."""

from functools import partial

import pytest
import torch
from torch import nn

from facerec.backbones import ConvNeXt, LeNet, NFNet, ResNet, TimmBackbone
from facerec.losses import ArcFace, Center, Joint, Softmax
from facerec.optim import lr_factors_of, make_optimizer, parameter_groups
from facerec.recognizer import FaceRecognizer

SGD = partial(torch.optim.SGD, lr=0.1, weight_decay=5e-4)


def built(loss=None, num_classes=5):
    loss = loss or ArcFace()
    loss.build(16, num_classes)
    return loss


def rates(backbone, loss, **settings):
    optimizer = make_optimizer(SGD, backbone, loss, lr_factors_of(backbone, **settings))
    return {group["name"]: group["lr"] for group in optimizer.param_groups}


NETWORKS = {
    "resnet": partial(ResNet, 18, 16, 4),
    "convnext": partial(ConvNeXt, "tiny", 16, width=8),
    "nfnet": partial(NFNet, embedding_dim=16),
    "vit": partial(TimmBackbone, "test_vit", 16),
}


@pytest.mark.parametrize("parts", [False, True], ids=["whole", "parts"])
@pytest.mark.parametrize("network", NETWORKS)
def test_every_parameter_is_in_one_group_and_gains_do_not_decay(network, parts):
    with torch.device("meta"):  # shapes without memory
        backbone = NETWORKS[network]()
    loss = built(Joint({"softmax": Softmax(bias=True), "center": Center()}))
    groups = parameter_groups(backbone, loss, backbone.parts() if parts else None)
    grouped = [id(parameter) for group in groups for parameter in group["params"]]
    expected = [id(parameter) for module in (backbone, loss) for parameter in module.parameters()]
    assert sorted(grouped) == sorted(expected)
    decay = {id(weight): group.get("weight_decay") for group in groups for weight in group["params"]}
    for name, weight in backbone.named_parameters():
        spared = weight.ndim <= 1  # biases, gains of norms, layer scales, NFNet's gains and skip gains
        assert decay[id(weight)] == (0.0 if spared else None), name
    assert all(decay[id(weight)] is None for weight in loss.parameters())
    assert len(groups) == (3 if not parts else len({group["name"] for group in groups}))


def test_without_factors_the_groups_are_those_of_old_checkpoints():
    groups = parameter_groups(ResNet(18, 16, 4), built())
    assert [group["name"] for group in groups] == ["backbone", "backbone_no_decay", "loss"]
    assert rates(ResNet(18, 16, 4), built()) == {"backbone": 0.1, "backbone_no_decay": 0.1, "loss": 0.1}


def test_loss_parameters_can_have_their_own_rate():
    for settings in ({"loss_lr_factor": 10.0}, {"lr_factors": {"loss": 10.0}}):
        found = rates(ResNet(18, 16, 4), built(), **settings)
        assert found == {"backbone": 0.1, "backbone_no_decay": 0.1, "loss": 1.0}


def test_layer_decay_falls_from_the_head_to_the_stem():
    found = rates(ResNet(18, 16, 4), built(), layer_decay=0.5)
    names = ["head", "stage4", "stage3", "stage2", "stage1", "stem"]
    assert list(found) == [f"{name}{kind}" for name in names for kind in ("", "_no_decay")] + ["loss"]
    expected = {name: 0.1 * 0.5**depth for depth, name in enumerate(names)}
    assert {name: found[name] for name in names} == pytest.approx(expected)
    assert all(found[f"{name}_no_decay"] == found[name] for name in names)
    assert found["loss"] == 0.1


def test_layer_decay_of_a_transformer_as_in_beit():
    """Embeddings, class token and positions have the lowest rate, each block more than the one before it."""
    backbone = TimmBackbone("test_vit", 16)
    groups = make_optimizer(SGD, backbone, built(), lr_factors_of(backbone, 0.75)).param_groups
    rate = {id(weight): group["lr"] for group in groups for weight in group["params"]}
    of = {name: rate[id(weight)] for name, weight in backbone.named_parameters()}
    parts = list(backbone.parts())
    assert parts[0] == "patch_embed"
    for name in ("cls_token", "pos_embed", "patch_embed.proj.weight"):
        assert of[f"network.{name}"] == min(of.values())
    for depth, part in enumerate(reversed(parts)):
        prefix = "head." if part == "head" else f"network.{part}."
        own = {value for name, value in of.items() if name.startswith(prefix)}
        assert own == {0.1 * 0.75**depth}


def test_factors_of_parts_multiply_and_may_name_a_group_of_parts():
    backbone = TimmBackbone("test_vit", 16)
    factors = lr_factors_of(backbone, 0.5, {"blocks": 0.1, "blocks.0": 3.0, "head": 2.0, "loss": 4.0})
    blocks = [name for name in factors if name.startswith("blocks.")]
    depths = {name: depth for depth, name in enumerate(reversed(list(backbone.parts())))}
    assert len(blocks) > 1
    for name in blocks:
        assert factors[name] == pytest.approx(0.5 ** depths[name] * 0.1 * (3.0 if name == "blocks.0" else 1.0))
    assert (factors["head"], factors["loss"]) == (2.0, 4.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"lr_factors": {"stage9": 0.1}},
            r"model\.lr_factors\.stage9: ResNet has no such part\. Its parts are stem, s",
        ),
        ({"lr_factors": {"stem": 0.0}}, r"model\.lr_factors\.stem=0\.0: must be positive"),
        ({"lr_factors": {"loss": -1.0}}, r"model\.lr_factors\.loss=-1\.0"),
        ({"lr_factors": {"loss": 2.0}, "loss_lr_factor": 3.0}, "are the same setting: give one of them"),
        ({"layer_decay": 0.0}, r"model\.layer_decay=0\.0: must be in \(0, 1\]"),
        ({"layer_decay": 1.5}, r"model\.layer_decay"),
        ({"loss_lr_factor": 0.0}, r"model\.loss_lr_factor"),
    ],
)
def test_bad_factors_are_refused_when_the_model_is_built(settings, message):
    with pytest.raises(ValueError, match=message):
        FaceRecognizer(ResNet(18, 16, 4), ArcFace(), SGD, num_classes=5, image_size=(32, 32), **settings)


def test_a_step_moves_each_part_by_its_rate():
    """Plain gradient descent on a gradient of ones: a weight moves by its learning rate."""
    backbone, loss = LeNet(16), built()
    factors = lr_factors_of(backbone, 0.5, {"head": 3.0, "loss": 10.0})
    optimizer = make_optimizer(partial(torch.optim.SGD, lr=0.1), backbone, loss, factors)
    before = {weight: weight.detach().clone() for module in (backbone, loss) for weight in module.parameters()}
    for weight in before:
        weight.grad = torch.ones_like(weight)
    optimizer.step()
    moved = {part: distance_of(module, before) for part, module in {**backbone.parts(), "loss": loss}.items()}
    assert moved == {"stem": 0.0125, "stage1": 0.025, "stage2": 0.05, "head": 0.3, "loss": 1.0}


def distance_of(module: nn.Module, before: dict[nn.Parameter, torch.Tensor]) -> float:
    [distance] = {round(float((before[weight] - weight.detach()).abs().max()), 5) for weight in module.parameters()}
    return distance
