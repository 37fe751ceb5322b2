"""The embedding head: each setting against its definition, and the image size it is built for."""

import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from functools import partial

import pytest
import torch
from torch import nn

from facerec.backbones import (
    Backbone,
    ConvNeXt,
    EmbeddingHead,
    IResNet,
    LeNet,
    MobileFaceNet,
    NFNet,
    ResNet,
    SphereNet,
    TimmBackbone,
)

FIXED = pytest.mark.parametrize(
    "make",
    [
        partial(ResNet, 18, 16, width=4, head=EmbeddingHead("flatten")),
        partial(LeNet, 16, head=EmbeddingHead("depthwise")),
        partial(IResNet, 18, 16, width=4),
        partial(SphereNet, 10, 16, width=4),
        partial(MobileFaceNet, 16, 0.25),
    ],
    ids=lambda make: make.func.__name__,
)


@pytest.mark.parametrize("reduce", ["pool", "flatten", "depthwise"])
def test_heads_reduce_as_they_say(reduce: str) -> None:
    torch.manual_seed(0)
    layers, maps = EmbeddingHead(reduce).build(4, (3, 2), 5).eval(), torch.randn(2, 4, 3, 2)
    features = {
        "pool": lambda: maps.mean((2, 3)),
        "flatten": lambda: maps.reshape(2, 24),
        "depthwise": lambda: layers.reduce[1]((maps * layers.reduce[0].weight[:, 0]).sum((2, 3), keepdim=True)).flatten(
            1
        ),
    }[reduce]()
    torch.testing.assert_close(layers(maps), layers.norm(features @ layers.linear.weight.T))


def test_a_fixed_head_refuses_maps_of_another_size() -> None:
    with pytest.raises(ValueError, match=r"feature maps of 7x7 and got 6x7. Set model.image_size"):
        EmbeddingHead("flatten").build(4, (7, 7), 5)(torch.zeros(1, 4, 6, 7))


def test_bad_settings_are_named() -> None:
    with pytest.raises(ValueError, match=r"head.reduce='max': choose one of pool, flatten, depthwise"):
        EmbeddingHead("max")
    with pytest.raises(ValueError, match=r"head.dropout=1.0: must be in \[0, 1\)"):
        EmbeddingHead(dropout=1.0)
    with pytest.raises(ValueError, match=r"head.embedding_dropout=-0.1: must be in \[0, 1\)"):
        EmbeddingHead(embedding_dropout=-0.1)
    with pytest.raises(FrozenInstanceError):
        EmbeddingHead().dropout = 0.5


def test_the_embedding_can_do_without_normalisation() -> None:
    """The linear layer then has a bias, and nothing comes after it."""
    layers = EmbeddingHead(batch_norm=False).build(4, (1, 1), 2)
    maps = torch.randn(3, 4, 5, 5)
    expected = maps.mean((2, 3)) @ layers.linear.weight.T + layers.linear.bias
    torch.testing.assert_close(layers(maps), expected)
    assert not any(isinstance(module, nn.BatchNorm1d) for module in layers.modules())


@pytest.mark.parametrize(("setting", "kept"), [("dropout", 0.75), ("embedding_dropout", 0.75)])
def test_dropout_acts_before_the_linear_layer_or_after_the_embedding(setting: str, kept: float) -> None:
    torch.manual_seed(0)
    layers = EmbeddingHead(batch_norm=False, **{setting: 0.25}).build(8, (1, 1), 6)
    seen = []
    layers.linear.register_forward_hook(lambda module, args, out: seen.append(args[0]))
    embeddings = layers(torch.ones(2000, 8, 1, 1))
    dropped = seen[0] if setting == "dropout" else embeddings
    whole = embeddings if setting == "dropout" else seen[0]
    assert (dropped != 0).float().mean().item() == pytest.approx(kept, abs=0.02)
    assert (whole != 0).all()
    assert torch.equal(layers.eval()(torch.ones(1, 8, 1, 1)), layers(torch.ones(1, 8, 1, 1)))


def test_feature_norm_standardises_the_vector() -> None:
    layers = EmbeddingHead(feature_norm=True).build(64, (1, 1), 2)
    seen = []
    layers.linear.register_forward_hook(lambda module, args, out: seen.append(args[0]))
    layers(torch.randn(4, 64, 3, 3) * 7 + 5)
    torch.testing.assert_close(seen[0].mean(1), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[0].var(1, unbiased=False), torch.ones(4), atol=1e-3, rtol=0)


def test_defaults_are_those_of_the_papers() -> None:
    assert MobileFaceNet(16, 0.25).head_settings == EmbeddingHead("depthwise")
    assert IResNet(18, 16, 4).head_settings == SphereNet(4, 16, width=4).head_settings == EmbeddingHead("flatten")
    assert ConvNeXt("tiny", 16, 8).head_settings == EmbeddingHead(feature_norm=True)
    without = SphereNet(4, 16, batch_norm=False, width=4)
    assert without.head_settings == EmbeddingHead("flatten", batch_norm=False)
    assert not any(isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) for module in without.modules())


@FIXED
def test_a_fixed_head_works_at_112x112_unless_it_is_built_for_another_size(make: Callable[..., Backbone]) -> None:
    backbone = make()
    assert backbone.image_size == (112, 112)
    assert backbone(torch.zeros(2, 3, 112, 112)).shape == (2, 16)
    body = {name: tensor.clone() for name, tensor in backbone.state_dict().items() if not name.startswith("head")}
    backbone.build((96, 64))
    assert backbone.image_size == (96, 64)
    assert all(torch.equal(backbone.state_dict()[name], tensor) for name, tensor in body.items())
    assert all(module.training for module in backbone.modules())
    assert backbone(torch.zeros(2, 3, 96, 64)).shape == (2, 16)
    backbone.build((96, 64))
    with pytest.raises(ValueError, match=r"built for images of 96x64 and takes no others: .*image_size to \[96, 64\]"):
        backbone.build((112, 112))


@FIXED
def test_building_for_112x112_changes_nothing(make: Callable[..., Backbone]) -> None:
    """So that a seed gives the same weights in a plain loop and in a run."""
    torch.manual_seed(3)
    plain = make()
    after_plain = torch.rand(1)
    torch.manual_seed(3)
    built = make()
    built.build((112, 112))
    assert torch.equal(torch.rand(1), after_plain)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(built.state_dict()[name], tensor), name


def test_a_head_made_anew_is_initialised_by_the_family() -> None:
    """LeNet: Glorot's uniform distribution, far narrower than torch's own for a depthwise layer."""
    backbone = LeNet(16, width=12, head=EmbeddingHead("depthwise"))
    backbone.build((96, 96))
    weight = backbone.head.reduce[0].weight
    limit = nn.init.calculate_gain("tanh") * (6 / (weight[0].numel() * (1 + weight.shape[0]))) ** 0.5
    assert limit * 0.9 < weight.abs().max().item() <= limit


def test_a_pooled_head_takes_any_size_and_building_leaves_it_alone() -> None:
    backbone = ResNet(18, 16, width=4)
    head = backbone.head
    backbone.build((64, 64))
    backbone.build((96, 80))
    assert backbone.head is head
    assert backbone.image_size is None


def test_loaded_weights_are_not_thrown_away() -> None:
    """A head made anew would lose them without a word."""
    trained, fresh = IResNet(18, 16, width=4), IResNet(18, 16, width=4)
    fresh.load_state_dict(trained.state_dict())
    with pytest.raises(ValueError, match=r"IResNet was built for images of 112x112 and takes no others"):
        fresh.build((96, 96))


def test_a_refused_size_leaves_the_network_as_it_was() -> None:
    backbone = IResNet(18, 16, width=4)
    backbone.stem.eval()
    with pytest.raises(ValueError, match="images of 8x8 are too small for IResNet"):
        backbone.build((8, 8))
    assert backbone.training
    assert not backbone.stem.training
    assert backbone.image_size == (112, 112)
    assert backbone(torch.zeros(2, 3, 112, 112)).shape == (2, 16)


@FIXED
def test_on_meta_nothing_is_computed(make: Callable[..., Backbone]) -> None:
    with torch.device("meta"):
        inside, outside = make(), make()
        inside.build((96, 64))
    outside.build((96, 64))
    for backbone in (inside, outside):
        assert all(parameter.is_meta for parameter in backbone.parameters())
        assert backbone(torch.zeros(2, 3, 96, 64, device="meta")).shape == (2, 16)


def test_a_new_head_has_the_type_of_the_other_layers() -> None:
    backbone = IResNet(18, 16, width=4).double()
    backbone.build((32, 32))
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float64}


def test_a_backbone_pickles() -> None:
    """For processes that are spawned."""
    backbone = NFNet("small", 8)
    images = torch.randn(1, 3, 16, 16)
    assert torch.equal(pickle.loads(pickle.dumps(backbone)).eval()(images), backbone.eval()(images))


class OnlySixtyFour(Backbone):
    """Somebody's network for one image size."""

    embedding_dim = 3
    image_size = (64, 64)

    def forward(self, images_BCHW: torch.Tensor) -> torch.Tensor:
        return images_BCHW.mean((2, 3))


def test_a_network_that_cannot_be_fitted_refuses() -> None:
    OnlySixtyFour().build((64, 64))
    with pytest.raises(ValueError, match=r"OnlySixtyFour was built for images of 64x64 and takes no others"):
        OnlySixtyFour().build((64, 48))


def test_timm_networks_take_the_settings_of_the_head() -> None:
    head = EmbeddingHead(dropout=0.2, batch_norm=False, embedding_dropout=0.1)
    layers = TimmBackbone("test_resnet", 8, head=head).head
    assert (layers.dropout.p, layers.embedding_dropout.p) == (0.2, 0.1)
    assert layers.linear.bias is not None
    with pytest.raises(ValueError, match=r"TimmBackbone head.reduce='flatten': choose one of pool"):
        TimmBackbone("test_resnet", head=replace(head, reduce="flatten"))
