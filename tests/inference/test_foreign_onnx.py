"""ONNX models of other projects, built by hand: their embeddings against NumPy in float64."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from facerec.backbones import LeNet
from facerec.inference import Embedder
from facerec.inference.export import export
from facerec.inference.foreign_onnx import PIXEL_SCALES, ForeignOnnx, PixelScale, scales_itself
from tests.inference.networks import small_recognizer

SIZE = (6, 5)
WEIGHTS = np.random.default_rng(0).normal(size=(3 * 6 * 5, 4)).astype(np.float32)


def build(
    path: Path,
    shape: tuple[object, ...] = ("batch", 3, *SIZE),
    kind: int = TensorProto.FLOAT,
    first: str | None = None,
    flat: bool = True,
) -> Path:
    """A linear network: the flattened image times ``WEIGHTS``."""
    stored = [numpy_helper.from_array(WEIGHTS, "weights")]
    nodes, last = [], "images"
    if kind != TensorProto.FLOAT:
        nodes.append(helper.make_node("Cast", [last], ["cast"], to=TensorProto.FLOAT))
        last = "cast"
    if first is not None:
        stored.append(numpy_helper.from_array(np.float32([100.0]), "shift"))
        nodes.append(helper.make_node(first, [last, "shift"], ["scaled"]))
        last = "scaled"
    if flat:
        nodes.append(helper.make_node("Flatten", [last], ["flat"]))
        nodes.append(helper.make_node("MatMul", ["flat", "weights"], ["embeddings"]))
    else:
        nodes.append(helper.make_node("Identity", [last], ["embeddings"]))
    images = helper.make_tensor_value_info("images", kind, shape)
    embeddings = helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "linear", [images], [embeddings], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def pixels(count: int = 5) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, *SIZE), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def expected(images: torch.Tensor, mean: object, std: object, order: str = "RGB", last: bool = False) -> np.ndarray:
    numbers = (images.numpy().astype(np.float64) - np.reshape(mean, (-1, 1, 1))) / np.reshape(std, (-1, 1, 1))
    numbers = numbers[:, ::-1] if order == "BGR" else numbers
    numbers = numbers.transpose(0, 2, 3, 1) if last else numbers
    return numbers.reshape(len(numbers), -1) @ WEIGHTS.astype(np.float64)


@pytest.mark.parametrize("order", ["RGB", "BGR"])
@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("minus_one_to_one", [127.5], [127.5]),
        ("over_128", [127.5], [128.0]),
        ("zero_to_one", [0.0], [255.0]),
        ("imagenet", [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
        ("unchanged", [0.0], [1.0]),
    ],
)
def test_each_scale_and_order(name, mean, std, order, tmp_path):
    model = ForeignOnnx(build(tmp_path / "a.onnx"), scale=PIXEL_SCALES[name], order=order)
    truth = expected(pixels(), mean, std, order)
    np.testing.assert_allclose(model(pixels()), truth, rtol=1e-4, atol=1e-5 * np.abs(truth).max())
    assert model.image_size == SIZE
    assert model.calibration is None


@pytest.mark.parametrize(
    ("shape", "kind", "last"),
    [
        ((2, 3, *SIZE), TensorProto.FLOAT, False),
        ((1, 3, *SIZE), TensorProto.FLOAT16, False),
        (("batch", *SIZE, 3), TensorProto.FLOAT, True),
        (("batch", 3, *SIZE), TensorProto.UINT8, False),
    ],
)
def test_each_form_of_input(shape, kind, last, tmp_path):
    """A fixed number of images, which is filled up; half precision; channels last; and bytes."""
    scale = "unchanged" if kind == TensorProto.UINT8 else "over_128"
    model = ForeignOnnx(build(tmp_path / "a.onnx", shape, kind), scale=PIXEL_SCALES[scale])
    truth = expected(pixels(), *((0.0, 1.0) if scale == "unchanged" else (127.5, 128.0)), last=last)
    rounding = 2e-3 if kind == TensorProto.FLOAT16 else 1e-5
    np.testing.assert_allclose(model(pixels()), truth, atol=rounding * np.abs(truth).max())


def test_the_mirror_image(tmp_path):
    path = build(tmp_path / "a.onnx")
    one, mirrored = (expected(images, 127.5, 127.5) for images in (pixels(), pixels().flip(-1)))
    both = ForeignOnnx(path, flip_test="concatenate")(pixels())
    np.testing.assert_allclose(both, np.concatenate([one, mirrored], axis=1), atol=1e-3)
    directions = [some / np.linalg.norm(some, axis=1, keepdims=True) for some in (one, mirrored)]
    mean = ForeignOnnx(path, flip_test="sum")(pixels()).double().numpy()
    mean /= np.linalg.norm(mean, axis=1, keepdims=True)
    truth = sum(directions) / np.linalg.norm(sum(directions), axis=1, keepdims=True)
    np.testing.assert_allclose(mean, truth, atol=1e-5)


def test_images_are_resized_to_a_free_size(tmp_path):
    model = ForeignOnnx(build(tmp_path / "a.onnx", ("batch", 3, "h", "w")), size=SIZE)
    assert model(torch.zeros(2, 3, 40, 30, dtype=torch.uint8)).shape == (2, 4)


@pytest.mark.parametrize(
    ("network", "settings", "message"),
    [
        ({"shape": ("batch", 3, "h", "w")}, {}, "takes images of any size.*--image_size HEIGHT WIDTH"),
        ({}, {"size": (112, 112)}, r"--image_size 112 112: .* takes 6 x 5.*Leave --image_size out"),
        ({"shape": ("batch", 1, *SIZE), "flat": False}, {}, "images have three channels"),
        ({"shape": ("batch", 90)}, {}, "takes images .* one input of images"),
        ({"kind": TensorProto.UINT8}, {}, "takes uint8 pixels.*--pixels unchanged"),
        ({"kind": TensorProto.INT64}, {}, r"takes tensor\(int64\)"),
        ({}, {"scale": PixelScale(300.0, 1.0)}, r"--pixel_mean=300.0: must be in \[0, 255\]"),
        ({}, {"scale": PixelScale(0.0, 0.0)}, "--pixel_std=0.0: must be positive"),
        ({}, {"order": "GBR"}, "--channels='GBR': choose one of RGB, BGR"),
    ],
)
def test_what_does_not_fit_is_refused(network, settings, message, tmp_path):
    path = build(tmp_path / "a.onnx", **network)
    with pytest.raises(ValueError, match=message):
        ForeignOnnx(path, **settings)


def test_an_output_that_is_no_embedding_is_refused(tmp_path):
    model = ForeignOnnx(build(tmp_path / "a.onnx", flat=False))
    with pytest.raises(ValueError, match=r"its output 'embeddings' is \(5, 3, 6, 5\) for 5 images"):
        model(pixels())


def test_a_shape_that_the_network_cannot_take_is_named(tmp_path):
    model = ForeignOnnx(build(tmp_path / "a.onnx", ("batch", 3, "h", "w")), size=(8, 8))
    with pytest.raises(ValueError, match=r"does not run on images of \(1, 3, 8, 8\)"):
        model(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))


def test_a_network_that_scales_its_pixels_itself_is_noticed(tmp_path):
    assert scales_itself(build(tmp_path / "a.onnx", first="Sub")) == "Sub"
    assert scales_itself(build(tmp_path / "b.onnx")) is None


def test_a_model_of_facerec_is_not_foreign(tmp_path):
    export(Embedder(small_recognizer(backbone=LeNet(16), size=(64, 60))), tmp_path / "own.onnx")
    with pytest.raises(ValueError, match="was written by `facerec export`"):
        ForeignOnnx(tmp_path / "own.onnx")
    with pytest.raises(FileNotFoundError, match="no ONNX model"):
        ForeignOnnx(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match="is not an ONNX model that onnxruntime can run"):
        ForeignOnnx(tmp_path / "text.onnx")
