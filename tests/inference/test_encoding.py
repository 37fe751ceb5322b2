import threading

import numpy as np
import pytest
import torch
from torch import nn

from facerec.align import Alignment, default_detector
from facerec.checkpoints import ModelCard
from facerec.data.images import read_image
from facerec.data.sources import Images
from facerec.inference import Embedder
from facerec.inference import alignment as inference_alignment
from facerec.inference.alignment import AlignedImages, alignment_for, make_aligner
from facerec.inference.encoding import encode
from facerec.inference.images import ImageFiles, PairFiles, find_images, read_pairs
from facerec.inference.model import decision_threshold
from facerec.metrics.scores import cosine_scores
from tests.conftest import save_face
from tests.inference.networks import SIZE, small_recognizer


class Counted(Images):
    """Random images, of which some do not decode, and a count of how often each was read."""

    def __init__(self, length: int, broken: tuple[int, ...] = ()) -> None:
        generator = torch.Generator().manual_seed(0)
        self.images = torch.randint(0, 256, (length, 3, 40, 36), dtype=torch.uint8, generator=generator)
        self.broken = broken
        self.reads = [0] * length
        self.lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> torch.Tensor:
        with self.lock:
            self.reads[index] += 1
        if index in self.broken:
            raise ValueError(f"image {index} is broken")
        return self.images[index]

    def name(self, index: int) -> str:
        return f"image {index}"


class Shapes:
    """A model that keeps the shapes of its batches."""

    image_size, fingerprint, calibration = SIZE, "", None

    def __init__(self) -> None:
        self.embedder = Embedder(small_recognizer())
        self.seen: list[tuple[int, ...]] = []

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(images.shape))
        return self.embedder(images)


def test_each_image_is_read_once_and_embedded_in_batches_of_one_shape() -> None:
    model, source = Shapes(), Counted(11, broken=(0, 6))
    encoded = encode(model, source, batch_size=4)
    assert source.reads == [1] * 11
    assert model.seen == [(4, 3, *SIZE)] * 3
    assert encoded.usable.tolist() == [index not in (0, 6) for index in range(11)]
    assert encoded.left_out == [("image 0", "image 0 is broken"), ("image 6", "image 6 is broken")]
    assert encoded.embeddings[[0, 6]].isnan().all()
    usable = np.flatnonzero(encoded.usable)
    one_by_one = torch.cat([model.embedder(source.images[index][None]) for index in usable])
    torch.testing.assert_close(encoded.embeddings[usable], one_by_one, rtol=1e-4, atol=1e-5)


def test_few_images_are_not_filled_up_to_a_batch() -> None:
    model = Shapes()
    encode(model, Counted(2), batch_size=64)
    assert model.seen == [(2, 3, *SIZE)]


def test_nothing_to_embed_is_an_error() -> None:
    model = Embedder(small_recognizer())
    with pytest.raises(ValueError, match="none of 2 images could be used: image 0"):
        encode(model, Counted(2, broken=(0, 1)))
    with pytest.raises(ValueError, match="nothing to embed"):
        encode(model, Counted(0))


def test_the_embedder_leaves_the_model_it_was_made_from_alone() -> None:
    recognizer = small_recognizer(flip_test=True)
    images = torch.randint(0, 256, (4, 3, *SIZE), dtype=torch.uint8)
    expected = recognizer.eval().embed(images)
    float32, bfloat16 = Embedder(recognizer), Embedder(recognizer, "bfloat16")
    assert float32.fingerprint == bfloat16.fingerprint
    assert not any(isinstance(module, nn.BatchNorm2d) for module in float32.recognizer.backbone.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in recognizer.backbone.modules())
    torch.testing.assert_close(recognizer.embed(images), expected, rtol=0, atol=0)
    assert all(weight.dtype == torch.float32 and weight.requires_grad for weight in recognizer.backbone.parameters())
    torch.testing.assert_close(float32(images), expected.detach(), rtol=1e-5, atol=1e-5)
    coarse = bfloat16(images)
    assert coarse.dtype == torch.float32
    assert torch.cosine_similarity(coarse, expected).min() > 0.999
    assert not torch.equal(coarse, float32(images))
    with pytest.raises(ValueError, match="precision='float16': choose one of float32, bfloat16"):
        Embedder(recognizer, "float16")


def test_the_fingerprint_is_of_everything_that_makes_an_embedding() -> None:
    same, again = Embedder(small_recognizer()), Embedder(small_recognizer())
    assert same.fingerprint == again.fingerprint
    other = small_recognizer()
    with torch.no_grad():
        next(other.backbone.parameters())[0, 0, 0, 0] += 1e-3
    coarser = small_recognizer()
    coarser.preprocess.size = (48, 48)
    mirrored = small_recognizer(flip_test=True)
    assert len({Embedder(model).fingerprint for model in (other, coarser, mirrored)} | {same.fingerprint}) == 4


def test_images_are_found_in_files_folders_lists_and_standard_input(tmp_path, monkeypatch) -> None:
    save_face(1, 1, tmp_path / "folder" / "b.jpg")
    save_face(1, 2, tmp_path / "folder" / "deep" / "a.png")
    (tmp_path / "folder" / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "folder" / "notes.md").write_text("no image")
    (tmp_path / "list.txt").write_text("one.jpg\n\ntwo with space.jpg\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", (tmp_path / "list.txt").open())
    found = find_images(["single.jpg", "folder", "list.txt", "-"]).names
    listed = ["one.jpg", "two with space.jpg"]
    assert found == ["single.jpg", "folder/b.jpg", "folder/deep/a.png", *listed, *listed]
    with pytest.raises(FileNotFoundError, match="no file, folder or list nothing"):
        find_images(["nothing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no images in empty"):
        find_images(["empty"])
    (tmp_path / "bytes.dat").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="neither an image by its name nor a list"):
        find_images(["bytes.dat"])


def test_pairs_name_each_image_once_and_a_bad_line_is_named(tmp_path) -> None:
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("a.jpg b.jpg 1\nb.jpg c.jpg 0\n")
    source = read_pairs(str(pairs))
    assert source.names == ["a.jpg", "b.jpg", "c.jpg"]
    assert source.pairs.tolist() == [[0, 1], [1, 2]]
    pairs.write_text("a.jpg b.jpg\nc.jpg\n")
    with pytest.raises(ValueError, match=r"pairs\.txt:2: expected 'image image"):
        read_pairs(str(pairs))
    pairs.write_text("\n")
    with pytest.raises(ValueError, match="names no pairs"):
        read_pairs(str(pairs))


def test_pair_scores_are_cosines_and_unknown_where_an_image_is() -> None:
    embeddings = torch.tensor([[2.0, 0.0], [1.0, 1.0], [float("nan"), float("nan")]])
    scores = cosine_scores(embeddings, np.array([[0, 0], [0, 1], [1, 2]]))
    assert scores[:2].tolist() == pytest.approx([1.0, 0.5**0.5])
    assert np.isnan(scores[2])


def test_a_model_without_a_threshold_needs_one() -> None:
    recognizer = small_recognizer()
    assert decision_threshold(Embedder(recognizer), None) == 0.5
    assert decision_threshold(Embedder(recognizer), 0.0) == 0.0
    recognizer.card = ModelCard()
    with pytest.raises(ValueError, match="Give --threshold"):
        decision_threshold(Embedder(recognizer), None)


@pytest.mark.parametrize("given", [float("nan"), float("inf"), -1.01, 1.01])
def test_a_threshold_that_is_no_cosine_is_refused(given) -> None:
    with pytest.raises(ValueError, match="give a cosine in"):
        decision_threshold(Embedder(small_recognizer()), given)


@pytest.mark.parametrize("stored", [-5.0, 1.5, float("nan"), float("inf")])
def test_a_stored_threshold_that_is_no_cosine_decides_nothing(stored) -> None:
    """As the metadata of a damaged .onnx may hold: at -5 everybody would be the same person."""
    recognizer = small_recognizer()
    recognizer.card = ModelCard(calibration={"threshold": stored, "far": 0.1, "frr": 0.2})
    with pytest.raises(ValueError, match=f"threshold {stored} is no cosine"):
        decision_threshold(Embedder(recognizer), None)
    assert decision_threshold(Embedder(recognizer), 0.4) == 0.4


def test_a_threshold_of_another_score_is_no_cosine() -> None:
    recognizer = small_recognizer()
    calibration = {"threshold": -1.2, "far": 0.1, "frr": 0.2, "score": "euclidean"}
    recognizer.card = ModelCard(calibration=calibration)
    assert Embedder(recognizer).threshold is None
    recognizer.card = ModelCard(calibration=calibration | {"score": "cosine"})
    assert Embedder(recognizer).threshold == -1.2


def test_a_model_that_gives_no_numbers_is_refused() -> None:
    """As an exported one may, which nobody looked into."""

    class Broken(Shapes):
        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            return super().__call__(images) * torch.tensor([1.0, float("nan"), 1.0, 1.0])[:, None]

    with pytest.raises(ValueError, match="embeddings contain NaN or inf: 1 of 3, the first of image 2"):
        encode(Broken(), Counted(4, broken=(0,)), batch_size=4)


def test_faces_are_cut_out_before_they_are_embedded(tmp_path) -> None:
    """With an aligner of the test's own: the upper left corner, and no face in a dark photograph."""

    def corner(image: torch.Tensor) -> torch.Tensor:
        if image.max() == 0:
            raise ValueError("no face in it")
        return image[:, :20, :20]

    source = Counted(3)
    source.images[1] = 0
    encoded = encode(Embedder(small_recognizer()), AlignedImages(source, corner))
    assert encoded.left_out == [("image 1", "no face in it")]
    expected = Embedder(small_recognizer())(source.images[[0, 2], :, :20, :20])
    torch.testing.assert_close(encoded.embeddings[[0, 2]], expected, rtol=1e-4, atol=1e-5)


def test_the_default_aligner_finds_a_face_in_a_photograph(tmp_path) -> None:
    save_face(1, 1, tmp_path / "face.png")
    face = nn.functional.interpolate(read_image(tmp_path / "face.png")[None].float(), scale_factor=2.0)[0]
    photograph = torch.full((3, 400, 400), 90, dtype=torch.uint8)
    photograph[:, 80 : 80 + face.shape[1], 100 : 100 + face.shape[2]] = face.to(torch.uint8)

    class Photographs(Counted):
        def read(self, index: int) -> torch.Tensor:
            return photograph if index == 0 else torch.full_like(photograph, 90)

    aligned = AlignedImages(Photographs(2), make_aligner(alignment_for(None)))
    assert aligned.read(0).shape == (3, 112, 112)
    encoded = encode(Embedder(small_recognizer()), aligned)
    assert encoded.usable.tolist() == [True, False]


def test_photographs_are_aligned_as_the_training_images_were(monkeypatch) -> None:
    default = default_detector()
    other_score = Alignment(default, "of the training", "96x112", "central", 0.8)
    assert alignment_for(other_score) == Alignment(default, "", "96x112", "central", 0.8)
    assert alignment_for(Alignment("center_crop", "", "96x112")) == Alignment(default, "", "96x112")
    aligner = make_aligner(alignment_for(Alignment("opencv", "0123", "96x112")))
    assert aligner.template.name == "96x112"
    assert aligner.alignment.version
    monkeypatch.setattr(inference_alignment, "is_installed", lambda name: name != "yunet")
    monkeypatch.setattr(inference_alignment, "default_detector", lambda: "mtcnn")
    by_yunet = Alignment("yunet", "yuface 1", "96x112", "central", 0.6)
    assert alignment_for(by_yunet) == Alignment("mtcnn", "", "96x112", "central")  # with a score of its own


def test_files_are_relative_to_their_root(tmp_path) -> None:
    save_face(1, 1, tmp_path / "a.png")
    assert ImageFiles(["a.png"], tmp_path).read(0).shape == (3, 112, 92)
    assert PairFiles([("a.png", "a.png")], tmp_path).read(0).shape == (3, 112, 92)


class OnADevice(Shapes):
    """A model whose device is not the CPU. Its embeddings are on the CPU all the same, so that they have values."""

    device = torch.device("meta")


def test_embeddings_of_several_batches_come_back_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facerec.inference.encoding.BATCHES_ON_DEVICE", 3)
    source = Counted(23, broken=(0, 9, 10, 11))  # eight batches, of which the fourth has no image
    expected = encode(Shapes(), source, batch_size=3)
    together = encode(OnADevice(), source, batch_size=3)
    torch.testing.assert_close(together.embeddings, expected.embeddings, equal_nan=True, rtol=0, atol=0)
    assert together.usable.tolist() == expected.usable.tolist()
    assert together.left_out == expected.left_out


def test_a_nan_is_found_when_batches_come_back_together() -> None:
    class Broken(OnADevice):
        def __call__(self, images: torch.Tensor) -> torch.Tensor:
            made = super().__call__(images).clone()
            made[1] = float("nan")
            return made

    with pytest.raises(ValueError, match=r"The model is broken"):
        encode(Broken(), Counted(4), batch_size=2)
