import numpy as np
import pytest
import torch
import torch.nn.functional as F

from facerec.inference import gallery as gallery_module
from facerec.inference.gallery import Gallery


def enrolled(seed: int, names: list[str], images_each: int = 3) -> tuple[Gallery, torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    labels = np.repeat(np.arange(len(names)), images_each)
    embeddings = torch.randn(len(labels), 8, generator=generator) * 5
    return Gallery.enroll(embeddings, labels, names, "model-a"), embeddings, labels


def test_a_template_is_the_normalised_mean_of_normalised_embeddings() -> None:
    embeddings = torch.tensor([[3.0, 0.0], [0.0, 0.5], [0.0, -2.0]])
    gallery = Gallery.enroll(embeddings, np.array([0, 0, 2]), ["ada", "nobody", "ben"], "model-a")
    assert gallery.names == ["ada", "ben"]
    assert gallery.counts.tolist() == [2, 1]
    half = 0.5**0.5
    torch.testing.assert_close(gallery.templates_PD, torch.tensor([[half, half], [0.0, -1.0]]))


def test_adding_people_and_images_is_as_enrolling_all_at_once(tmp_path) -> None:
    first, embeddings_1, labels_1 = enrolled(1, ["ada", "ben"], images_each=2)
    second, embeddings_2, labels_2 = enrolled(2, ["cleo", "ada"], images_each=3)
    first.save(tmp_path / "gallery.npz")
    merged = Gallery.load(tmp_path / "gallery.npz").merged(second)
    at_once = Gallery.enroll(
        torch.cat([embeddings_1, embeddings_2]),
        np.concatenate([labels_1, np.array([2, 0])[labels_2]]),
        ["ada", "ben", "cleo"],
        "model-a",
    )
    assert merged.names == at_once.names
    assert merged.counts.tolist() == at_once.counts.tolist() == [5, 2, 3]
    torch.testing.assert_close(merged.templates_PD, at_once.templates_PD)
    torch.testing.assert_close(merged.means, at_once.means)


def test_a_saved_gallery_is_plain_arrays_and_comes_back(tmp_path) -> None:
    gallery, _, _ = enrolled(0, ["ada", "bén"])
    gallery.save(tmp_path / "deep" / "gallery.npz")
    again = Gallery.load(tmp_path / "deep" / "gallery.npz")
    assert (again.names, again.fingerprint, again.alignment) == (["ada", "bén"], "model-a", "")
    torch.testing.assert_close(again.templates_PD, gallery.templates_PD)
    with np.load(tmp_path / "deep" / "gallery.npz", allow_pickle=False) as stored:
        assert {"names", "templates", "counts", "fingerprint"} <= set(stored)
        np.testing.assert_allclose(np.linalg.norm(stored["templates"], axis=1), 1.0, rtol=1e-6)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["gallery.npz"]  # nothing half-written is left


def test_another_model_or_alignment_is_refused() -> None:
    gallery, _, _ = enrolled(0, ["ada"])
    with pytest.raises(ValueError, match="enrolled with model model-a and this one is model-b"):
        gallery.check_model("model-b", "")
    aligned = Gallery.enroll(torch.randn(1, 8), np.array([0]), ["ben"], "model-a", "mtcnn 112x112")
    with pytest.raises(ValueError, match="by mtcnn 112x112 and these by yunet 112x112: align both alike"):
        aligned.check_model("model-a", "yunet 112x112")
    aligned.check_model("model-a", "mtcnn 112x112")
    other = Gallery.enroll(torch.randn(1, 8), np.array([0]), ["ben"], "model-b")
    with pytest.raises(ValueError, match="mean nothing"):
        gallery.merged(other)


def test_an_unknown_alignment_is_told_and_stays_unknown_in_a_gallery_of_both() -> None:
    unknown, _, _ = enrolled(0, ["ada"])
    aligned = Gallery.enroll(torch.randn(1, 8), np.array([0]), ["ben"], "model-a", "yunet 112x112")
    unknown.check_model("model-a", "")
    with pytest.warns(UserWarning, match="by unknown and these by yunet 112x112"):
        unknown.check_model("model-a", "yunet 112x112")
    with pytest.warns(UserWarning, match="by yunet 112x112 and these by unknown"):
        aligned.check_model("model-a", "")
    assert unknown.merged(aligned).alignment == aligned.merged(unknown).alignment == ""
    assert aligned.merged(aligned).alignment == "yunet 112x112"


def test_what_is_no_gallery_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no gallery"):
        Gallery.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not a zip")
    np.savez(tmp_path / "other.npz", something=np.zeros(3))
    np.savez(tmp_path / "pickle.npz", names=np.array([{"a": 1}], dtype=object), templates=np.zeros((1, 2)))
    for name in ("text", "other", "pickle"):
        with pytest.raises(ValueError, match=f"{name}.npz is not a gallery"):
            Gallery.load(tmp_path / f"{name}.npz")
    with pytest.raises(ValueError, match="2 names, 2 templates"):
        Gallery(["ada", "ada"], torch.randn(2, 4), np.array([1, 1]), "model-a")


def brute_force(gallery: Gallery, probe: torch.Tensor) -> list[tuple[float, str]]:
    cosines = [float(F.cosine_similarity(probe, template, dim=0)) for template in gallery.templates_PD]
    return sorted(zip(cosines, gallery.names, strict=True), reverse=True)[:2]


@pytest.mark.parametrize("limit", [gallery_module.MATRIX_LIMIT, 10])
def test_the_two_most_alike_are_found(limit, monkeypatch) -> None:
    """By matrix product, and above the limit by FAISS."""
    if limit == 10:
        pytest.importorskip("faiss")
    monkeypatch.setattr(gallery_module, "MATRIX_LIMIT", limit)
    monkeypatch.setattr(gallery_module, "PROBES_AT_ONCE", 3)
    gallery, _, _ = enrolled(0, [f"person {index}" for index in range(50)])
    probes = torch.randn(7, 8, generator=torch.Generator().manual_seed(5))
    for probe, match in zip(probes, gallery.search(probes), strict=True):
        (score, name), (next_score, next_name) = brute_force(gallery, probe)
        assert (match.name, match.runner_up) == (name, next_name)
        assert (match.score, match.runner_up_score) == pytest.approx((score, next_score), abs=1e-6)


def test_a_gallery_of_one_has_no_runner_up() -> None:
    gallery, embeddings, _ = enrolled(0, ["ada"], images_each=1)
    match = gallery.search(embeddings)[0]
    assert (match.name, match.runner_up) == ("ada", None)
    assert match.score == pytest.approx(1.0)


def test_what_is_no_number_is_neither_enrolled_nor_searched_for() -> None:
    gallery, embeddings, _ = enrolled(0, ["ada", "ben"])
    embeddings[0, 0] = float("nan")
    with pytest.raises(ValueError, match="embeddings contain NaN or inf: 1 of 6"):
        gallery.search(embeddings)
    with pytest.raises(ValueError, match="embeddings contain NaN or inf: 1 of 1, the first of ada"):
        Gallery(["ada"], embeddings[:1], np.array([1]), "model-a")


def test_templates_of_another_type_or_size_are_named() -> None:
    gallery, embeddings, labels = enrolled(0, ["ada", "ben"])
    with pytest.raises(ValueError, match="templates have 8 numbers, and these embeddings 5: another model made them"):
        gallery.search(embeddings[:, :5])
    smaller = Gallery.enroll(embeddings[:, :5], labels, ["cleo", "dan"], "model-a")
    with pytest.raises(ValueError, match="templates have 8 numbers, and these embeddings 5"):
        gallery.merged(smaller)
    doubled = Gallery(gallery.names, gallery.means.double(), gallery.counts, "model-a")
    assert doubled.search(embeddings.half())[0].name == gallery.search(embeddings)[0].name
    for means in (torch.ones(2, 8, dtype=torch.int64), torch.ones(2), torch.ones(2, 1, 8)):
        with pytest.raises(ValueError, match="give floats, one row for each person"):
            Gallery(["ada", "ben"], means, np.array([1, 1]), "model-a")


def test_a_gallery_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", names=np.array(["ada"]), templates=np.zeros((50_000, 512), np.float32))
    assert (tmp_path / "bomb.npz").stat().st_size < 200_000
    with pytest.raises(ValueError, match=r"bomb\.npz is not a gallery .*holds the packed record"):
        Gallery.load(tmp_path / "bomb.npz")


def test_a_changed_bit_is_refused(tmp_path) -> None:
    gallery, _, _ = enrolled(0, ["ada", "ben"])
    gallery.save(tmp_path / "gallery.npz")
    content = bytearray((tmp_path / "gallery.npz").read_bytes())
    content[content.index(gallery.templates_PD.numpy().tobytes()) + 5] ^= 1
    (tmp_path / "gallery.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"gallery\.npz is damaged: templates\.npy"):
        Gallery.load(tmp_path / "gallery.npz")
