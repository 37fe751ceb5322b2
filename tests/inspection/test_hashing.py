"""imagehash's pHash is the reference of the hash, and all pairs compared one by one that of the search."""

from io import BytesIO

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from facerec.inspection.hashing import distances, near_pairs, perceptual_hash
from facerec.inspection.report import NEAR_DISTANCE
from tests.conftest import face


def bits(number: np.ndarray) -> np.ndarray:
    return np.unpackbits(number.view(np.uint8))


def apart(first: Image.Image, second: Image.Image) -> int:
    return int(distances(perceptual_hash(first)[None], perceptual_hash(second)[None])[0])


@pytest.mark.parametrize("person", range(1, 9))
def test_hash_is_imagehashs(person):
    image = Image.open(face(person, 1))
    theirs = imagehash.phash(image, hash_size=16).hash.ravel()
    assert (bits(perceptual_hash(image)).astype(bool) != theirs).sum() <= 2  # on the median to the last digit


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(BytesIO(buffer.getvalue()))


CHANGES = {
    "jpeg 85": lambda image: recompressed(image, 85),
    "jpeg 30": lambda image: recompressed(image, 30),
    "half": lambda image: image.resize((46, 56), Image.Resampling.BILINEAR),
    "double": lambda image: image.resize((184, 224), Image.Resampling.BICUBIC),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "one pixel cut off two sides": lambda image: image.crop((0, 0, 91, 111)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_near(change):
    images = [Image.open(face(person, 5)) for person in range(1, 41)]
    assert max(apart(image, CHANGES[change](image)) for image in images) <= NEAR_DISTANCE


def test_different_photographs_are_hardly_ever_near():
    """All 400 ORL faces: 1,800 pairs of one person in one room, 78,000 of two people."""
    hashes = np.stack(
        [perceptual_hash(Image.open(face(person, image))) for person in range(1, 41) for image in range(1, 11)]
    )
    person = np.repeat(np.arange(40), 10)
    pairs, found = near_pairs(hashes, NEAR_DISTANCE)
    assert (person[pairs[:, 0]] == person[pairs[:, 1]]).all()
    assert len(pairs) <= 0.01 * 1800
    assert found.max() <= NEAR_DISTANCE
    assert not near_pairs(hashes, 8)[0].size


@pytest.mark.parametrize("distance", [0, 7, 30, 40])
@pytest.mark.parametrize("at_once", [1, 50, 2_000_000])
def test_the_search_finds_exactly_the_near_pairs(distance, at_once, monkeypatch):
    monkeypatch.setattr("facerec.inspection.hashing.CANDIDATES_AT_ONCE", at_once)
    random = np.random.default_rng(distance)
    hashes = random.integers(0, 2**64, size=(40, 4), dtype=np.uint64)
    copies = []
    for count in (0, 1, 6, 7, 8, 15, 16, 17, 29, 30, 31, 39, 40, 41, 63):
        copy = np.unpackbits(hashes[count % 40].view(np.uint8))
        copy[random.choice(256, count, replace=False)] ^= 1
        copies.append(np.packbits(copy).view(np.uint64))
    hashes = np.concatenate([hashes, np.stack(copies)])
    expected = {
        (i, j): int((bits(hashes[i]) != bits(hashes[j])).sum())
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
    }
    expected = {pair: apart for pair, apart in expected.items() if apart <= distance}
    pairs, found = near_pairs(hashes, distance)
    assert dict(zip(map(tuple, pairs.tolist()), found.tolist(), strict=True)) == expected
    assert len(expected) >= 1


def test_nothing_to_compare():
    assert near_pairs(np.empty((0, 4), dtype=np.uint64), 30)[0].shape == (0, 2)
    assert near_pairs(np.zeros((1, 4), dtype=np.uint64), 30)[0].shape == (0, 2)


@pytest.mark.parametrize("distance", [-1, 64])
def test_a_distance_that_cannot_work_says_so(distance):
    with pytest.raises(ValueError, match=f"distance={distance}"):
        near_pairs(np.zeros((2, 4), dtype=np.uint64), distance)
