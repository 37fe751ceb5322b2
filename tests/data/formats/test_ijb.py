"""IJB-B and IJB-C: the lists as insightface distributes them, and lists that do not fit each other."""

import numpy as np
import pytest

from facerec.align.landmarks import find_template
from facerec.align.warp import align_face
from facerec.data import IJBPairs, Pooling
from facerec.data.images import read_image
from tests.data.cases import encoded

POINTS = [2, 2, 6, 2, 4, 3, 2.5, 5, 5.5, 5]
FACES = [(12, 1, 500), (12, 1, 500), (12, 1, 501), (7, 2, 502), (30, 3, 503), (41, 3, 504), (50, 4, 505), (50, 4, 506)]
PEOPLE = {12: 1, 41: 3, 7: 2, 30: 3, 50: 4}  # of the templates
HEADING = "TEMPLATE_ID,SUBJECT_ID,FILENAME"


def write(root, prefix="ijbc", galleries=("G1", "G2")):
    """Templates 12 and 41 of people 1 and 3 in two galleries, 7, 30 and 50 of people 2, 3 and 4 as probes."""
    meta = root / "meta"
    for folder in (meta, root / "loose_crop"):
        folder.mkdir(exist_ok=True)
    faces, points = [], []
    for image, (template, _, medium) in enumerate(FACES, start=1):
        (root / "loose_crop" / f"{image}.jpg").write_bytes(encoded(10 * image))
        faces.append(f"{image}.jpg {template} {medium}")
        points.append(f"{image}.jpg {' '.join(map(str, POINTS))} {image / 10}")
    (meta / f"{prefix}_face_tid_mid.txt").write_text("\n".join(faces) + "\n")
    (meta / f"{prefix}_name_5pts_score.txt").write_text("\n".join(points) + "\n")
    (meta / f"{prefix}_template_pair_label.txt").write_text("12 7 0\n41 30 1\n12 50 0\n")
    for name, templates in zip((*galleries, "probe"), ([12], [41, 41], [7, 30, 50]), strict=True):
        rows = [f"{template},{PEOPLE[template]},img/{template}.png" for template in templates]
        file = f"{prefix}_1N_probe_mixed.csv" if name == "probe" else f"{prefix}_1N_gallery_{name}.csv"
        (meta / file).write_text("\n".join([HEADING, *rows]) + "\n")
    return str(root)


@pytest.mark.parametrize(("prefix", "galleries"), [("ijbc", ("G1", "G2")), ("ijbb", ("S1", "S2"))])
def test_templates_pairs_people_and_galleries(tmp_path, prefix, galleries):
    source = IJBPairs(write(tmp_path, prefix, galleries))
    source.check()
    assert len(source) == 8
    assert source.templates.names == ["7", "12", "30", "41", "50"]
    assert source.templates.owners.tolist() == [1, 1, 1, 0, 2, 3, 4, 4]
    assert source.templates.media.tolist() == [500, 500, 501, 502, 503, 504, 505, 506]
    np.testing.assert_allclose(source.templates.weights, np.arange(1, 9) / 10)
    assert source.pairs.tolist() == [[1, 0], [3, 2], [1, 4]]
    assert source.same.tolist() == [False, True, False]
    assert source.subjects.tolist() == [2, 1, 3, 3, 4]
    assert source.galleries.tolist() == [-1, 0, -1, 1, -1]
    assert IJBPairs(str(tmp_path), one_gallery=True).galleries.tolist() == [-1, 0, -1, 0, -1]
    assert IJBPairs(str(tmp_path), Pooling(weigh_by_score=False)).templates.weights is None


def test_images_are_aligned_by_their_points(tmp_path):
    source = IJBPairs(write(tmp_path))
    points, template = np.array(POINTS, dtype=np.float64).reshape(5, 2), find_template("112x112")
    expected = align_face(read_image(tmp_path / "loose_crop" / "3.jpg"), points, template)
    assert source.read(2).equal(expected)
    assert source.read(2).shape == (3, 112, 112)
    assert source.alignment.template == "112x112"


def test_without_the_lists_of_1_to_n_people_are_unknown(tmp_path):
    root = write(tmp_path)
    (tmp_path / "meta" / "ijbc_1N_probe_mixed.csv").unlink()
    assert (IJBPairs(root).subjects, IJBPairs(root).galleries) == (None, None)
    write(tmp_path)
    path = tmp_path / "meta" / "ijbc_template_pair_label.txt"
    path.write_text("12 7 1\n41 30 1\n12 50 0\n")  # says that people 1 and 2 are one
    assert IJBPairs(root).subjects is None
    assert IJBPairs(root).galleries is not None


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("face_tid_mid.txt", "4.jpg 7 502", "4.jpg 7", "face_tid_mid.txt:4: expected 'image template media'"),
        ("face_tid_mid.txt", "4.jpg 7", "4.jpg seven", "face_tid_mid.txt:4: label 'seven' is not a whole number"),
        ("face_tid_mid.txt", "4.jpg", "../4.jpg", "face_tid_mid.txt:4: .*leaves the folder"),
        ("name_5pts_score.txt", "4.jpg", "9.jpg", "score.txt:4: '9.jpg', and .*tid_mid.txt has '4.jpg' there"),
        ("name_5pts_score.txt", "8.jpg 2 2 6 2 4 3 2.5 5 5.5 5 0.8\n", "", "has 7 images, and .* has 8"),
        ("name_5pts_score.txt", "5 0.4", "5 -0.4", ":4: .*expected finite numbers and a score from 0"),
        ("name_5pts_score.txt", "5 0.4", "5 high", ":4: .*5 high': expected finite numbers"),
        ("template_pair_label.txt", "41 30 1", "41 31 1", "pair 2, '41 31 1', has a template without images"),
        ("template_pair_label.txt", "41 30 1", "41 30 2", "pair 2, '41 30 2', has a mark that is not 0 or 1"),
        ("template_pair_label.txt", "41 30 1", "41 30", "label.txt:2: expected 'template template 1"),
        ("template_pair_label.txt", "41 30 1", "41 x 1", "label.txt:2: label 'x' is not a whole number"),
        ("1N_gallery_G2.csv", "41,3", "99,3", "G2.csv:2: template 99 has no images"),
        ("1N_gallery_G2.csv", "41,3", "41,5", "G2.csv:3: template 41 is of 5 and of 3"),
        ("1N_probe_mixed.csv", "30,3", "30,three", "mixed.csv:3: expected a template and its person"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, file, old, new, message):
    root = write(tmp_path)
    path = tmp_path / "meta" / f"ijbc_{file}"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        IJBPairs(root).check()


def test_what_is_missing_is_named(tmp_path):
    root = write(tmp_path)
    (tmp_path / "loose_crop" / "5.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"face_tid_mid.txt:5: names .*5.jpg"):
        IJBPairs(root).check()
    (tmp_path / "meta" / "ijbc_template_pair_label.txt").unlink()
    with pytest.raises(FileNotFoundError, match="no list .*label.txt: expected lines 'template template 1"):
        IJBPairs(root).check()
    with pytest.raises(FileNotFoundError, match="no list .*ijbc_face_tid_mid.txt"):
        IJBPairs(str(tmp_path / "loose_crop")).check()
