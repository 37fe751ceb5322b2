import json
import warnings
from collections.abc import Callable

import pytest
import torch

from facerec.backbones import LeNet
from facerec.inference import Embedder
from facerec.inference import export as export_module
from facerec.inference.export import PT2_METADATA, export
from facerec.inference.model import load_model
from facerec.inference.onnx_model import OnnxModel
from tests.inference.networks import small_recognizer

SIZE = (64, 60)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """Of a small network, because tracing takes its time; the command's test has a residual one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return Embedder(small_recognizer(flip_test=True, backbone=LeNet(16), size=SIZE))


def photographs() -> torch.Tensor:
    return torch.randint(0, 256, (5, 3, 50, 41), dtype=torch.uint8, generator=torch.Generator().manual_seed(9))


def test_an_onnx_model_takes_the_place_of_its_checkpoint(embedder, tmp_path) -> None:
    """With the preprocessing outside; the command's test has it inside."""
    path = tmp_path / "model.onnx"
    parity = export(embedder, path, "outside")
    assert parity.largest_difference < 1e-5
    assert parity.lowest_cosine > 0.99999
    assert list(tmp_path.iterdir()) == [path]  # one file, weights included
    model = load_model(path)
    assert isinstance(model, OnnxModel)
    assert (model.fingerprint, model.image_size) == (embedder.fingerprint, SIZE)
    assert model.calibration == embedder.calibration
    assert model.metadata["preprocessing"] == "outside"
    torch.testing.assert_close(model(photographs()), embedder(photographs()), rtol=1e-4, atol=1e-5)
    forms = [photographs()[0].numpy(), photographs()[1] / 255.0, photographs()[2:]]
    torch.testing.assert_close(model(forms), embedder(forms), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="leave out --precision"):
        load_model(path, precision="bfloat16")


def test_a_pt2_file_loads_without_our_classes(embedder, tmp_path) -> None:
    path = tmp_path / "model.pt2"
    parity = export(embedder, path)
    assert parity.largest_difference < 1e-5
    extra = {PT2_METADATA: ""}
    program = torch.export.load(path, extra_files=extra)
    assert not [name for name in program.state_dict if "loss" in name]  # class weights embed nothing
    network = program.module()
    pixels = torch.randint(0, 256, (6, 3, *SIZE), dtype=torch.uint8)
    torch.testing.assert_close(network(pixels), embedder(pixels), rtol=1e-4, atol=1e-5)
    assert json.loads(extra[PT2_METADATA])["fingerprint"] == embedder.fingerprint


@pytest.mark.parametrize("name", ["model.onnx", "model.pt2"])
def test_a_scale_for_each_channel_goes_with_the_file(embedder, tmp_path, name) -> None:
    """Inside the file, which takes uint8, and in its description."""
    mean, std = (0.6, 0.45, 0.4), (0.25, 0.22, 0.2)
    torch.manual_seed(0)
    scaled = Embedder(small_recognizer(backbone=LeNet(16), size=SIZE, image_mean=mean, image_std=std))
    assert scaled.fingerprint != embedder.fingerprint
    assert export(scaled, tmp_path / name).largest_difference < 1e-5
    pixels = torch.randint(0, 256, (6, 3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))
    if name.endswith(".onnx"):
        model = load_model(tmp_path / name)
        metadata, embeddings = model.metadata, model(pixels)
    else:
        extra = {PT2_METADATA: ""}
        embeddings = torch.export.load(tmp_path / name, extra_files=extra).module()(pixels)
        metadata = json.loads(extra[PT2_METADATA])
    assert (metadata["image_mean"], metadata["image_std"]) == (list(mean), list(std))
    torch.testing.assert_close(embeddings, scaled(pixels), rtol=1e-4, atol=1e-5)


def test_an_onnx_model_with_the_scale_outside_prepares_each_channel(tmp_path) -> None:
    mean, std = (0.6, 0.45, 0.4), (0.25, 0.22, 0.2)
    scaled = Embedder(small_recognizer(backbone=LeNet(16), size=SIZE, image_mean=mean, image_std=std))
    export(scaled, tmp_path / "model.onnx", "outside")
    model = load_model(tmp_path / "model.onnx")
    torch.testing.assert_close(model(photographs()), scaled(photographs()), rtol=1e-4, atol=1e-5)


def test_a_model_that_differs_is_not_written(embedder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(export_module, "PARITY_TOLERANCE", -1.0)
    with pytest.raises(ValueError, match=r"differs from PyTorch by .* was not written"):
        export(embedder, tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_a_model_that_gives_no_numbers_is_not_written(embedder, tmp_path, monkeypatch) -> None:
    def write(*_: object) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda pixels: embedder(pixels) * (float("nan") if len(pixels) == 3 else 1.0)

    monkeypatch.setattr(export_module, "_write_pt2", write)
    with pytest.raises(ValueError, match=r"differs from PyTorch by nan .* was not written"):
        export(embedder, tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_bad_names_and_foreign_files_are_named(embedder, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"has to end in \.onnx or \.pt2"):
        export(embedder, tmp_path / "model.torch")
    with pytest.raises(FileNotFoundError, match="no ONNX model"):
        load_model(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(ValueError, match="not an ONNX model that onnxruntime can run"):
        load_model(tmp_path / "text.onnx")
    onnx = pytest.importorskip("onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([node], "g", [value], [result])
    foreign = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(foreign, str(tmp_path / "foreign.onnx"))
    with pytest.raises(ValueError, match="was not written by `facerec export`"):
        load_model(tmp_path / "foreign.onnx")
    (tmp_path / "text.ckpt").write_text("not a checkpoint")
    with pytest.raises(ValueError, match="does not load as a checkpoint"):
        load_model(tmp_path / "text.ckpt")
