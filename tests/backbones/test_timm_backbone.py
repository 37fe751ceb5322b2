"""What timm is asked for, and where its weights come from: the hub's cache, a local file, or nowhere."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn

from facerec.backbones import TimmBackbone
from facerec.backbones.layers import he_initialise


@pytest.fixture
def published() -> nn.Module:
    """timm's network with its classifier, and weights that no fresh one has."""
    torch.manual_seed(1)
    network: nn.Module = timm.create_model("test_resnet")
    return network.apply(he_initialise)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and no network to fill it from."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def publish(network: nn.Module, hub: Path) -> None:
    """Put weights into the cache, as a download would."""
    repository = hub / ("models--" + network.pretrained_cfg["hf_hub_id"].replace("/", "--"))
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    save_file(network.state_dict(), snapshot / "model.safetensors")


def assert_same_weights(ours: nn.Module, theirs: nn.Module) -> None:
    expected = theirs.state_dict()
    assert set(expected) - set(ours.state_dict()) == {"fc.weight", "fc.bias"}
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_pretrained_takes_the_published_weights(published: nn.Module, hub: Path) -> None:
    publish(published, hub)
    assert_same_weights(TimmBackbone("test_resnet", pretrained=True).network, published)


def test_a_failing_download_names_the_setting_and_the_way_out(hub: Path) -> None:
    with pytest.raises(
        ValueError, match=r"pretrained=True: the published weights of test_resnet could not be had .* with checkpoint"
    ):
        TimmBackbone("test_resnet", pretrained=True)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_checkpoint_gives_the_weights_and_its_classifier_is_left_out(
    suffix: str, published: nn.Module, tmp_path: Path
) -> None:
    file = tmp_path / f"weights.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(published.state_dict(), file)
    backbone = TimmBackbone("test_resnet", checkpoint=str(file), embedding_dim=7)
    assert_same_weights(backbone.network, published)
    assert backbone(torch.zeros(2, 3, 64, 64)).shape == (2, 7)


class Code:
    """What an unrestricted unpickler would run."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return (partial(Path.write_text, data="run"), (Path("was_run"),))  # type: ignore[return-value]


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"conv1.weight": Code()}, "weights.pth")
    with pytest.raises(ValueError, match=r"checkpoint=weights.pth: not a file of weights alone"):
        TimmBackbone("test_resnet", checkpoint="weights.pth")
    assert not Path("was_run").exists()
    torch.load("weights.pth", weights_only=False)
    assert Path("was_run").exists()  # the file does what the test is about


def test_settings_that_cannot_work_say_so(published: nn.Module, tmp_path: Path) -> None:
    file = str(tmp_path / "weights.pth")
    torch.save(published.state_dict(), file)
    cases: list[tuple[Callable[[], TimmBackbone], type[Exception], str]] = [
        (
            partial(TimmBackbone, "test_resnet", checkpoint="nowhere.pth"),
            FileNotFoundError,
            r"=nowhere\.pth: no such file",
        ),
        (partial(TimmBackbone, "test_vit", checkpoint=file), ValueError, "weights of another network"),
        (partial(TimmBackbone, "test_resnet", pretrained=True, checkpoint=file), ValueError, "give one of them"),
        (
            partial(TimmBackbone, "vgg11", stochastic_depth=0.1),
            ValueError,
            r"name='vgg11': timm's network does not take drop_path_rate=0.1",
        ),
    ]
    for make, error, message in cases:
        with pytest.raises(error, match=message):
            make()


def test_the_other_settings_reach_timm() -> None:
    transformer = TimmBackbone("test_vit", stochastic_depth=0.1)
    transformer.build((112, 112))
    assert transformer(torch.zeros(2, 3, 112, 112)).shape == (2, 512)
    assert transformer.image_size == (112, 112)
    assert any(getattr(module, "drop_prob", 0.0) for module in transformer.modules())
    assert TimmBackbone("test_vit").image_size == (160, 160)
    convolutional = TimmBackbone("test_resnet")
    network = convolutional.network
    convolutional.build((112, 112))
    assert convolutional.image_size is None
    assert convolutional.network is network


def test_a_transformer_for_another_size_keeps_the_weights_of_its_file(tmp_path: Path) -> None:
    """All but the embeddings of positions, which are resampled."""
    published = timm.create_model("test_vit")
    file = tmp_path / "weights.pth"
    torch.save(published.state_dict(), file)
    backbone = TimmBackbone("test_vit", 16, checkpoint=str(file))
    backbone.build((112, 96))
    assert backbone(torch.zeros(2, 3, 112, 96)).shape == (2, 16)
    expected = published.state_dict()
    ours = backbone.network.state_dict()
    resampled = [name for name, tensor in ours.items() if not torch.equal(tensor, expected[name])]
    assert resampled == ["pos_embed"]


def test_a_published_transformer_is_made_for_another_size(hub: Path) -> None:
    published = timm.create_model("test_vit")
    publish(published, hub)
    backbone = TimmBackbone("test_vit", 16, pretrained=True)
    backbone.build((112, 96))
    assert backbone(torch.zeros(2, 3, 112, 96)).shape == (2, 16)
    expected = published.state_dict()["blocks.0.attn.qkv.weight"]
    assert torch.equal(backbone.network.state_dict()["blocks.0.attn.qkv.weight"], expected)


def test_a_file_of_weights_that_cannot_be_resampled_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = timm.create_model("test_vit")
    file = tmp_path / "weights.pth"
    torch.save(published.state_dict(), file)
    backbone = TimmBackbone("test_vit", 16, checkpoint=str(file))
    monkeypatch.delattr(type(backbone.network), "set_input_size")
    with pytest.raises(ValueError, match="TimmBackbone was built for images of 160x160 and takes no others"):
        backbone.build((112, 96))


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "lcnet_050", "test_vit"])
def test_networks_with_layers_behind_their_pooling_work(name: str) -> None:
    """What such a network puts out is wider than its ``num_features``."""
    backbone = TimmBackbone(name, embedding_dim=16).eval()
    assert backbone(torch.zeros(2, 3, *(backbone.image_size or (64, 64)))).shape == (2, 16)
