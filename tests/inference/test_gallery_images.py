"""The images of a gallery: the nearest of each person, copies, and people who are alike; against plain loops."""

import numpy as np
import pytest
import torch

from facerec.inference import Gallery
from facerec.inference.gallery_doubts import COPY, gallery_doubts

PEOPLE, IMAGES, SIZE = 9, 5, 6


def small_gallery(seed: int = 0, people: int = PEOPLE, image_names: bool = True) -> tuple[Gallery, np.ndarray]:
    """A gallery and the embeddings that it was made of."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(people), IMAGES)
    embeddings = (generator.normal(size=(people, SIZE))[labels] + generator.normal(size=(len(labels), SIZE))).astype(
        np.float32
    )
    names = [f"p{seed}{person}" for person in range(people)]
    called = [f"{names[label]}/{place % IMAGES}.png" for place, label in enumerate(labels)]
    gallery = Gallery.enroll(
        torch.from_numpy(embeddings), labels, names, "model", image_names=called if image_names else None
    )
    return gallery, embeddings


def unit(rows: np.ndarray) -> np.ndarray:
    rows = rows.astype(np.float64)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.parametrize("at_once", [1, 1000])
def test_the_nearest_image_of_each_person(at_once, monkeypatch):
    monkeypatch.setattr("facerec.inference.enrolled_images.SCORES_AT_ONCE", at_once)
    gallery, embeddings = small_gallery()
    probes = np.random.default_rng(7).normal(size=(20, SIZE)).astype(np.float32)
    for probe, match in zip(probes, gallery.search(torch.from_numpy(probes), "image"), strict=True):
        best = {}
        for place, image in enumerate(unit(embeddings)):
            name = gallery.names[place // IMAGES]
            best[name] = max(best.get(name, -2.0), float(unit(probe) @ image))
        first, second = sorted(best, key=lambda name: -best[name])[:2]
        assert (match.name, match.runner_up) == (first, second)
        assert (match.score, match.runner_up_score) == pytest.approx((best[first], best[second]), abs=1e-5)
    assert gallery.search(torch.from_numpy(probes)) != gallery.search(torch.from_numpy(probes), "image")


def test_images_are_kept_in_the_file_and_joined(tmp_path):
    first, _ = small_gallery(0)
    second, _ = small_gallery(1)
    both = first.merged(second)
    both.save(tmp_path / "gallery.npz")
    loaded = Gallery.load(tmp_path / "gallery.npz")
    assert loaded.images.names == [*first.images.names, *second.images.names]
    for name, owner in zip(loaded.images.names, loaded.images.owners, strict=True):
        assert name.split("/")[0] == loaded.names[owner]
    probe = second.images.embeddings[3:4]
    assert loaded.search(probe, "image")[0].score == pytest.approx(1.0, abs=1e-6)
    assert loaded.search(probe, "image")[0].name == second.names[0]


def test_means_alone_answer_no_question_about_images(tmp_path):
    gallery, _ = small_gallery(image_names=False)
    gallery.save(tmp_path / "gallery.npz")
    with np.load(tmp_path / "gallery.npz") as stored:
        assert not [name for name in stored.files if name.startswith("image")]
    with pytest.raises(ValueError, match="keeps means alone.*--match mean"):
        Gallery.load(tmp_path / "gallery.npz").search(torch.ones(1, SIZE), "image")
    assert gallery.merged(small_gallery(1)[0]).images is None


@pytest.mark.parametrize("change", ["owners", "size", "nan"])
def test_damaged_images_are_refused(change, tmp_path):
    gallery, _ = small_gallery()
    path = tmp_path / "gallery.npz"
    gallery.save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    if change == "owners":
        arrays["image_owners"] = arrays["image_owners"] + 1
    elif change == "size":
        arrays["image_embeddings"] = arrays["image_embeddings"][:, 1:]
    else:
        arrays["image_embeddings"][0] = np.nan
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="is not a gallery of `facerec enroll`"):
        Gallery.load(path)


@pytest.mark.parametrize("rows", [2, 512])
def test_copies_and_alike_people(rows, monkeypatch):
    monkeypatch.setattr("facerec.inference.gallery_doubts.ROWS_AT_ONCE", rows)
    _, embeddings = small_gallery()
    embeddings[2] = 3.0 * embeddings[0]  # a copy within a person: the length of an embedding does not matter
    embeddings[IMAGES] = embeddings[3 * IMAGES + 1]  # of two people
    labels = np.repeat(np.arange(PEOPLE), IMAGES)
    names = [f"p{person}" for person in range(PEOPLE)]
    called = [f"{place}.png" for place in range(len(labels))]
    gallery = Gallery.enroll(torch.from_numpy(embeddings), labels, names, "model", image_names=called)
    threshold = 0.4
    inside, across, alike = gallery_doubts(gallery, threshold)
    assert inside.startswith("1 image is there twice: 0.png (p0) and 2.png (p0).")
    one, two = IMAGES, 3 * IMAGES + 1
    assert across.startswith(f"1 image is there under two names: {one}.png (p1) and {two}.png (p3).")
    means = unit(np.array([unit(embeddings[labels == person]).mean(0) for person in range(PEOPLE)]))
    scores = {(i, j): means[i] @ means[j] for i in range(PEOPLE) for j in range(i + 1, PEOPLE)}
    high = [pair for pair, score in scores.items() if score >= threshold]
    i, j = max(scores, key=lambda pair: scores[pair])
    assert alike.startswith(f"{len(high)} of 36 pairs of people score 0.4000 or more, such as p{i} and p{j} (")
    assert gallery_doubts(small_gallery()[0], None) == []


def test_a_collapsed_network_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("facerec.inference.gallery_doubts.MOST_FOUND", 10)
    gallery = Gallery.enroll(
        torch.ones(40, 2), np.arange(40), [f"p{n:02d}" for n in range(40)], "model", image_names=["x"] * 40
    )
    assert len(gallery_doubts(gallery, 0.5)) == 2
    assert 0.0 < COPY < 1e-4
