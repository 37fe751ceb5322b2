"""The files of the Projector tab, read back by TensorBoard's own reader and by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig
from tensorboard.plugins.projector.projector_plugin import _read_tensor_binary_file

from facerec.callbacks.projector import FACE, chosen_rows, write_projector
from facerec.data import ORLPairs
from facerec.reports import ScoredSet
from facerec.transforms.preprocess import resize

IMAGES = np.array([3, 4, 17, 41])  # places in the source, of three people


@pytest.fixture
def source() -> ORLPairs:
    return ORLPairs("val")


def scored(source: ORLPairs, with_subjects: bool = True) -> ScoredSet:
    embeddings = torch.randn(4, 8, generator=torch.Generator().manual_seed(0)) * 5.0
    subjects = source.subjects[IMAGES] if with_subjects else None
    pairs = np.array([[0, 1], [1, 2]])
    same = np.array([True, False])
    return ScoredSet(np.array([0.9, 0.1]), same, "cosine", pairs, None, subjects, embeddings, IMAGES)


def config(run: Path) -> ProjectorConfig:
    return text_format.Parse((run / "projector_config.pbtxt").read_text(), ProjectorConfig())


def test_tensorboard_reads_directions_names_and_faces(source, tmp_path):
    pairs = scored(source)
    write_projector(tmp_path, {"orl": pairs, 'a "b"': pairs}, {"orl": source, 'a "b"': source}, faces=True)
    entry, other = config(tmp_path).embeddings
    assert (entry.tensor_name, other.tensor_name) == ("orl", 'a "b"')
    read = _read_tensor_binary_file(str(tmp_path / entry.tensor_path), list(entry.tensor_shape))
    assert pairs.embeddings is not None
    np.testing.assert_allclose(read, torch.nn.functional.normalize(pairs.embeddings).numpy(), rtol=1e-6)
    header, *rows = (tmp_path / entry.metadata_path).read_text().splitlines()
    assert header == "person\timage"
    assert [row.split("\t")[0] for row in rows] == [source.folders()[image] for image in IMAGES]
    assert [row.split("\t")[1] for row in rows] == [source.name(image) for image in IMAGES]
    sprite = np.asarray(Image.open(tmp_path / entry.sprite.image_path))
    assert sprite.shape == (2 * FACE, 2 * FACE, 3)
    assert list(entry.sprite.single_image_dim) == [FACE, FACE]
    third = resize(source.read(int(IMAGES[2]))[None], (FACE, FACE))[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(sprite[FACE:, :FACE], third)


def test_without_faces_those_of_before_go(source, tmp_path):
    for faces in (True, False):
        write_projector(tmp_path, {"orl": scored(source)}, {"orl": source}, faces=faces)
    [entry] = config(tmp_path).embeddings
    assert not entry.HasField("sprite")
    assert not list(tmp_path.rglob("*.png"))


def test_images_of_unknown_people_have_no_column_of_people(source, tmp_path):
    write_projector(tmp_path, {"orl": scored(source, with_subjects=False)}, {"orl": source}, faces=False)
    rows = (tmp_path / "projector" / "orl" / "images.tsv").read_text().splitlines()
    assert rows == [source.name(image) for image in IMAGES]


def test_there_are_at_most_so_many_points_of_whole_people_the_same_each_time():
    subjects = np.repeat(np.arange(1000), 5)
    rows = chosen_rows(subjects, len(subjects))
    assert len(rows) == 2000
    assert set(np.bincount(subjects[rows])) == {0, 5}
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, chosen_rows(subjects, len(subjects)))
    assert len(chosen_rows(None, 5000)) == 2000
