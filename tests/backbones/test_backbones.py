"""What holds for every family: sizes, gradients, precisions, memory formats, and that it learns real faces."""

import inspect
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facerec import backbones
from facerec.backbones import Backbone, EmbeddingHead
from facerec.backbones.catalogue import CATALOGUE
from facerec.backbones.densenet import LAYERS_PER_BLOCK
from facerec.backbones.layers import LayerScale
from facerec.data.formats.orl import ORLImages

# Every family at a small setting; every head and both stems are among them.
SMALL: dict[str, Callable[..., Backbone]] = {
    "LeNet": backbones.LeNet,
    "AlexNet": partial(backbones.AlexNet, width=16, head=EmbeddingHead()),
    "VGG": partial(backbones.VGG, 11, width=8),
    "VGG without BN": partial(backbones.VGG, 11, width=16, batch_norm=False),
    "PlainNet": partial(backbones.PlainNet, 18, width=8),
    "CifarPlainNet": partial(backbones.CifarPlainNet, 20, width=8),
    "CifarResNet": partial(backbones.CifarResNet, 20, width=8),
    "ResNet": partial(backbones.ResNet, 18, width=8),
    "ResNet bottleneck": partial(backbones.ResNet, 50, width=8, stem="paper", head=EmbeddingHead("flatten")),
    "SEResNet": partial(backbones.SEResNet, 18, width=16),
    "ResNeXt": partial(backbones.ResNeXt, 50, width=16, cardinality=8, group_width=2),
    "ResNeSt": partial(backbones.ResNeSt, 50, width=8),
    "RegNet X": partial(backbones.RegNet, "X_200MF"),
    "RegNet Y": partial(backbones.RegNet, "Y_200MF"),
    "DenseNet": partial(backbones.DenseNet, 121, growth_rate=8),
    "MobileNetV1": partial(backbones.MobileNetV1, 0.25),
    "MobileNetV2": partial(backbones.MobileNetV2, 0.35, head=EmbeddingHead("depthwise")),
    "EfficientNet": partial(backbones.EfficientNet, "B0", stem="paper"),
    "ConvNeXt": partial(backbones.ConvNeXt, "tiny", width=16),
    "NFNet": partial(backbones.NFNet, "small", stem="paper"),
    "SphereNet": partial(backbones.SphereNet, 20, width=8),
    "SphereNet without BN": partial(backbones.SphereNet, 10, width=16, batch_norm=False),
    "IResNet": partial(backbones.IResNet, 18, width=8),
    "MobileFaceNet": partial(backbones.MobileFaceNet, width_multiplier=0.5),
    "TimmBackbone": partial(backbones.TimmBackbone, "test_resnet"),
}
families = pytest.mark.parametrize("name", SMALL)
# Layers that ConvNeXt runs on (B, H, W, C): what they see as contiguous is a channels_last map.
ON_BHWC = (nn.Linear, nn.LayerNorm, nn.GELU, LayerScale, nn.Identity)


def family_of(make: Callable[..., Backbone]) -> type[Backbone]:
    return make.func if isinstance(make, partial) else make


def build(name: str, size: tuple[int, int] = (64, 64), embedding_dim: int = 32) -> Backbone:
    torch.manual_seed(0)
    backbone = SMALL[name](embedding_dim=embedding_dim)
    backbone.build(size)
    return backbone


def without_norms_being_trivial(backbone: Backbone) -> Backbone:
    """Give branches that start at zero something to say."""
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
    return backbone


def shallow(backbone: Backbone, blocks: int = 2) -> Backbone:
    """Leave the first blocks of each stage: a program of more of the same takes long to make, and shows no more.

    Where the blocks after the first are not alike, as in VGG and DenseNet, a stage keeps them all.
    """
    if isinstance(backbone, backbones.StagedBackbone):
        for name, stage in backbone.stages.named_children():
            if isinstance(stage, nn.Sequential) and len({type(block) for block in stage[1:]}) == 1:
                setattr(backbone.stages, name, stage[:blocks])
    return backbone


def test_every_family_is_here() -> None:
    everything = {value for value in vars(backbones).values() if inspect.isclass(value) and issubclass(value, Backbone)}
    assert everything - {Backbone, backbones.StagedBackbone} == {family_of(make) for make in SMALL.values()}
    assert {family_of(make) for make in CATALOGUE.values()} == everything - {
        Backbone,
        backbones.StagedBackbone,
        backbones.TimmBackbone,
    }


@families
@pytest.mark.parametrize("size", [(112, 112), (96, 112), (64, 64)])
def test_forward_and_backward(name: str, size: tuple[int, int]) -> None:
    backbone = build(name, size)
    images = torch.randn(2, 3, *size, requires_grad=True)
    embeddings = backbone(images)
    assert embeddings.shape == (2, 32)
    assert backbone.embedding_dim == 32
    embeddings.square().mean().backward()
    assert images.grad is not None
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.parameters() if p.requires_grad)
    single = backbone.eval()(images[:1])
    assert single.shape == (1, 32)
    assert single.isfinite().all()


@families
def test_an_embedding_does_not_depend_on_the_rest_of_the_batch(name: str) -> None:
    backbone = without_norms_being_trivial(build(name)).eval()
    images = torch.randn(3, 3, 64, 64)
    torch.testing.assert_close(backbone(images)[1:2], backbone(images[1:2]), rtol=1e-4, atol=1e-5)


@families
def test_bfloat16_autocast_is_near_float32(name: str) -> None:
    backbone = without_norms_being_trivial(build(name))
    images = torch.randn(8, 3, 64, 64)
    with torch.no_grad():
        backbone(images)  # running statistics of these images, so that eval mode has a signal
        expected = backbone.eval()(images)
        with torch.autocast("cpu", torch.bfloat16):
            embeddings = backbone(images)
    assert embeddings.isfinite().all()
    assert F.cosine_similarity(embeddings.float(), expected, dim=1).min() > 0.98
    with torch.autocast("cpu", torch.bfloat16):
        backbone.train()(images).float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in backbone.parameters() if p.requires_grad)


@families
def test_channels_last_stays_inside(name: str) -> None:
    """No layer falls back to the contiguous format, which would cost a copy of the map, and the result is the same."""
    backbone = without_norms_being_trivial(build(name)).eval()
    images = torch.randn(2, 3, 64, 64)
    expected = backbone(images)
    backbone = backbone.to(memory_format=torch.channels_last)
    formats: dict[str, bool] = {}

    def note(label: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(module: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
            if out.ndim == 4 and args[0].ndim == 4 and min(out.shape[2:]) > 1 and out.shape[1] > 1:
                channels_last = out.is_contiguous(memory_format=torch.channels_last)
                formats[label] = channels_last or (type(module) in ON_BHWC and out.is_contiguous())

        return hook

    for label, module in backbone.named_modules():
        if type(module) is not nn.Sequential:  # its layers tell
            module.register_forward_hook(note(label))
    out = backbone(images.to(memory_format=torch.channels_last))
    assert len(formats) > 5
    assert [label for label, kept in formats.items() if not kept] == []
    torch.testing.assert_close(out, expected, rtol=1e-3, atol=1e-4)


@families
def test_exported_programs_give_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.export, and ONNX run by its own runtime, at another batch size than the example's."""
    monkeypatch.setitem(LAYERS_PER_BLOCK, 121, (2, 2, 2, 2))  # DenseNet, as shallow as the others
    backbone = shallow(without_norms_being_trivial(build(name)).eval())
    batch = torch.export.Dim("batch")
    with torch.no_grad():
        program = torch.export.export(backbone, (torch.randn(2, 3, 64, 64),), dynamic_shapes=({0: batch},))
        images = torch.randn(3, 3, 64, 64)
        expected = backbone(images)
        torch.testing.assert_close(program.module()(images), expected, rtol=1e-4, atol=1e-5)
    runtime = pytest.importorskip("onnxruntime")
    file = tmp_path / "backbone.onnx"
    torch.onnx.export(program, f=file, verbose=False)
    session = runtime.InferenceSession(file)
    (embeddings,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    assert (torch.from_numpy(embeddings) - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler here")
def test_a_compiled_network_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # torch's own may hold code for other instructions
    backbone = shallow(without_norms_being_trivial(build("ResNet")).eval(), blocks=1)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        compiled = torch.compile(backbone, fullgraph=True)(images)
        torch.testing.assert_close(compiled, backbone(images), rtol=1e-4, atol=1e-5)


def faces() -> tuple[Tensor, Tensor]:
    """32 photographs of 4 people, 64x64, standardised."""
    source = ORLImages("train")
    images = torch.stack([source.read(index) for index in range(32)]).float()
    images = F.interpolate(images, (64, 64), mode="bilinear", antialias=True)
    return (images - images.mean()) / images.std(), torch.from_numpy(source.labels[:32])


@families
def test_overfits_32_real_faces(name: str) -> None:
    backbone = build(name)
    images, labels = faces()
    classifier = nn.Linear(32, 4)
    optimizer = torch.optim.Adam([*backbone.parameters(), *classifier.parameters()], lr=3e-3)
    for _step in range(150):
        logits = classifier(backbone(images))
        loss = F.cross_entropy(logits, labels)
        if loss < 0.1 and bool((logits.argmax(1) == labels).all()):
            return
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pytest.fail(f"the loss on 32 faces of 4 people is still {loss.item():.3f}")


@pytest.mark.parametrize(
    "make", [make for make in CATALOGUE.values() if issubclass(family_of(make), backbones.StagedBackbone)]
)
def test_smaller_than_the_smallest_input_is_refused(make: Callable[..., backbones.StagedBackbone]) -> None:
    stems = [{"stem": "paper"}, {"stem": "face"}] if "stem" in inspect.signature(make).parameters else [{}]
    with torch.device("meta"):
        networks = [make(head=EmbeddingHead(), **stem).eval() for stem in stems]
        sides = [network.smallest_input.side for network in networks]
        for network, side in zip(networks, sides, strict=True):
            assert min(network.features(torch.zeros(1, 3, side, side)).shape[2:]) >= 1
            with pytest.raises(ValueError, match=rf"{side - 1}x{side} are too small .* least {side}x{side}") as refused:
                network(torch.zeros(1, 3, side - 1, side))
            smaller = [(stem, other) for stem, other in zip(stems, sides, strict=True) if other < side]
            others = [f", or choose stem='{stem['stem']}', which takes {other}x{other}" for stem, other in smaller]
            assert str(refused.value).endswith("; resize the images" + "".join(others))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(backbones.ResNet, 19), "ResNet depth=19: choose one of 18, 34, 50, 101, 152"),
        (partial(backbones.ResNet, width=-1), "ResNet width=-1: must be positive and finite"),
        (partial(backbones.ResNet, embedding_dim=0), "ResNet embedding_dim=0: must be positive and finite"),
        (partial(backbones.ResNet, stochastic_depth=1.0), r"backbone.stochastic_depth=1.0: must be in \[0, 1\)"),
        (partial(backbones.ResNet, dropblock=-0.1), r"backbone.dropblock=-0.1: must be in \[0, 1\)"),
        (partial(backbones.ResNet, head="flatten"), r"ResNet head='flatten': give EmbeddingHead\(reduce=...\)"),
        *[
            (partial(family, stem="tiny"), rf"{family.__name__} stem='tiny': choose one of paper, face")
            for family in dict.fromkeys(family_of(make) for make in SMALL.values())
            if "stem" in inspect.signature(family).parameters
        ],
        (partial(backbones.PlainNet, 50), "PlainNet depth=50: choose one of 18, 34"),
        (partial(backbones.CifarResNet, 18), "CifarResNet depth=18: choose one of 20, 32, 44, 56, 110"),
        (partial(backbones.CifarPlainNet, width=0), "CifarPlainNet width=0: must be positive and finite"),
        (partial(backbones.SEResNet, 19), "SEResNet depth=19: choose one of 18"),
        (partial(backbones.ResNeXt, 18), "ResNeXt depth=18: choose one of 50, 101, 152"),
        (partial(backbones.ResNeSt, 18), "ResNeSt depth=18: choose one of 50, 101"),
        (partial(backbones.RegNet, "Z_1GF"), "RegNet variant='Z_1GF': choose one of X_200MF"),
        (partial(backbones.DenseNet, 120), "DenseNet depth=120: choose one of 121, 169, 201"),
        (partial(backbones.DenseNet, growth_rate=0), "DenseNet growth_rate=0: must be positive and finite"),
        (partial(backbones.VGG, 15), "VGG depth=15: choose one of 11, 13, 16, 19"),
        (partial(backbones.MobileNetV1, -0.5), "MobileNetV1 width_multiplier=-0.5: must be positive and finite"),
        (partial(backbones.MobileNetV2, 0), "MobileNetV2 width_multiplier=0: must be positive and finite"),
        (partial(backbones.EfficientNet, "B9"), "EfficientNet variant='B9': choose one of B0, B1, B2, B3"),
        (partial(backbones.ConvNeXt, "huge"), "ConvNeXt variant='huge': choose one of tiny, small"),
        (partial(backbones.ConvNeXt, layer_scale=0.0), "ConvNeXt layer_scale=0.0: must be positive and finite"),
        (partial(backbones.NFNet, "F9"), "NFNet variant='F9': choose one of F0, small"),
        (partial(backbones.SphereNet, 21), "SphereNet depth=21: choose one of 4, 10, 20, 36, 64"),
        (partial(backbones.IResNet, 19), "IResNet depth=19: choose one of 18, 34, 50, 100"),
        (lambda: backbones.IResNet(18).build((8, 8)), "images of 8x8 are too small for IResNet"),
        (
            partial(backbones.MobileFaceNet, width_multiplier=0),
            "MobileFaceNet width_multiplier=0: must be positive",
        ),
        (partial(backbones.LeNet, width=0), "LeNet width=0: must be positive and finite"),
        (partial(backbones.AlexNet, width=0), "AlexNet width=0: must be positive and finite"),
        (partial(backbones.TimmBackbone, "resnet5"), "timm has no such network; near it: .*resnet"),
    ],
)
def test_bad_settings_name_the_choices(make: Callable[[], Backbone], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@families
def test_arguments_are_typed_and_documented(name: str) -> None:
    """They are the command line: jsonargparse reads the annotations and the docstring."""
    family = family_of(SMALL[name])
    for parameter in list(inspect.signature(family.__init__).parameters.values())[1:]:
        assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        assert parameter.annotation is not parameter.empty
        assert parameter.default is not parameter.empty
        assert f"\n    {parameter.name}: " in inspect.cleandoc(family.__doc__ or "")  # Python 3.13 indents it less


@pytest.mark.parametrize("make", [backbones.LeNet, backbones.SphereNet])
def test_a_head_without_bias_is_initialised(make: Callable[..., backbones.StagedBackbone]) -> None:
    backbone = make(head=EmbeddingHead("depthwise"), width=4, embedding_dim=8).eval()
    assert backbone(torch.zeros(1, 3, 112, 112)).shape == (1, 8)
