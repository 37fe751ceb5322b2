"""TinyFace: the folders as distributed, with distractors."""

import numpy as np
import pytest

from facerec.data import TinyFacePairs
from tests.data.cases import encoded, shows


@pytest.fixture
def tinyface(tmp_path):
    """Four people with a probe, the first with two and two entries; the last is not in the gallery."""
    names = {
        "Probe": ["1_1", "1_2", "7_3", "10_1", "12_1"],
        "Gallery_Match": ["1_3", "1_4", "7_1", "10_9"],
        "Gallery_Distractor": ["000001", "x_2", "1_1"],
    }
    for place, (folder, images) in enumerate(names.items()):
        (tmp_path / "Testing_Set" / folder).mkdir(parents=True)
        for value, image in enumerate(images):
            (tmp_path / "Testing_Set" / folder / f"{image}.jpg").write_bytes(encoded(30 * place + value))
    (tmp_path / "Testing_Set" / "probe_img_ID_pairs.mat").write_bytes(b"MATLAB")
    return tmp_path


def test_probes_gallery_and_distractors(tinyface):
    source = TinyFacePairs(str(tinyface))
    source.check()
    assert len(source) == 12
    assert source.galleries.tolist() == [-1] * 5 + [0] * 7
    subjects = source.subjects.tolist()
    assert sorted(subjects[:5]) == [1, 1, 7, 10, 12]
    assert subjects[9:] == [13, 14, 15]  # nobody's, though one is called 1_1
    people = source.subjects[source.pairs]
    np.testing.assert_array_equal(people[:, 0] == people[:, 1], source.same)
    assert source.same.sum() == 2 * 2 + 1 + 1
    assert source.pairs.max() < 9
    assert shows(60, 9)(source)
    assert len(TinyFacePairs(str(tinyface / "Testing_Set"), distractors=False)) == 9


def test_what_is_missing_or_has_no_person_is_named(tinyface):
    (tinyface / "Testing_Set" / "Probe" / "face.jpg").write_bytes(encoded())
    with pytest.raises(ValueError, match=r"Probe/face.jpg: expected the number of a person before '_'"):
        TinyFacePairs(str(tinyface)).check()
    for image in (tinyface / "Testing_Set" / "Gallery_Match").iterdir():
        image.unlink()
    with pytest.raises(ValueError, match="Gallery_Match holds no images"):
        TinyFacePairs(str(tinyface)).check()
    with pytest.raises(FileNotFoundError, match="no folder .*Probe: give root=, the folder with Probe"):
        TinyFacePairs(str(tinyface / "Testing_Set" / "Probe")).check()
