"""Occlusion against scores that are recomputed image by image."""

import numpy as np
import pytest
import torch

from facerec.plots.look.occlusion import default_side, score_drops, square_places

WEIGHTS = np.random.default_rng(0).normal(size=(3 * 20 * 16, 8)) / 100


def embed(images):
    """Eight numbers that every pixel has a part in."""
    return torch.from_numpy(np.tanh(images.flatten(1).double().numpy() / 255 @ WEIGHTS) + 0.05)


def test_falls_are_those_of_scores_one_by_one():
    images = torch.randint(256, (2, 3, 20, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    side, found = 6, score_drops(embed, images, side=6, batch_size=5)

    def vector(image):
        embedding = np.tanh(image.reshape(-1) / 255 @ WEIGHTS) + 0.05
        return embedding / np.linalg.norm(embedding)

    pixels = images.numpy()
    score = vector(pixels[0]) @ vector(pixels[1])
    for place in range(2):
        falls = [[[] for _ in range(16)] for _ in range(20)]
        for top in [0, 3, 6, 9, 12, 14]:
            for left in [0, 3, 6, 9, 10]:
                covered = pixels[place].copy()
                for channel in range(3):
                    covered[channel, top : top + side, left : left + side] = round(pixels[place][channel].mean())
                fall = score - vector(covered) @ vector(pixels[1 - place])
                for row in range(top, top + side):
                    for column in range(left, left + side):
                        falls[row][column].append(fall)
        expected = [[np.mean(some) for some in row] for row in falls]
        np.testing.assert_allclose(found[place], expected, atol=1e-9)
    assert found.abs().max() > 1e-3


def test_batches_are_no_larger_than_asked_and_change_nothing():
    images = torch.randint(256, (2, 3, 20, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sizes = []

    def counted(some):
        sizes.append(len(some))
        return embed(some)

    small = score_drops(counted, images, side=8, batch_size=3)
    assert max(sizes) == 3
    assert sum(sizes) == 2 + 2 * len(square_places((20, 16), 8))
    torch.testing.assert_close(score_drops(embed, images, side=8, batch_size=64), small, atol=1e-9, rtol=0)


def test_squares_reach_every_pixel():
    for size, side in [((20, 16), 6), ((7, 7), 1), ((9, 5), 5), ((112, 96), 14)]:
        covered = np.zeros(size)
        for top, left in square_places(size, side):
            assert top + side <= size[0]
            assert left + side <= size[1]
            covered[top : top + side, left : left + side] += 1
        assert covered.min() >= 1
    assert (default_side((112, 112)), default_side((112, 96)), default_side((4, 4))) == (16, 14, 1)
    with pytest.raises(ValueError, match=r"--patch=17: must be in \[1, 16\]"):
        square_places((20, 16), 17)
