"""Sets of pairs with known people, for tests of numbers and figures."""

import numpy as np

from facerec.reports import ScoredSet


def embedded_people(seed: int = 0, people: int = 12, images: int = 4) -> dict[str, np.ndarray]:
    """Noisy embeddings of people, every pair of their images, and ten folds: what ``evaluate`` takes."""
    generator = np.random.default_rng(seed)
    subjects = np.repeat(np.arange(people), images)
    noise = 1.2 * generator.normal(size=(len(subjects), 8))
    embeddings = (generator.normal(size=(people, 8))[subjects] + noise).astype(np.float32)
    pairs = np.stack(np.triu_indices(len(subjects), 1), axis=1)
    same = subjects[pairs[:, 0]] == subjects[pairs[:, 1]]
    folds = np.arange(len(pairs)) % 10
    return {"same": same, "embeddings": embeddings, "pairs": pairs, "subjects": subjects, "folds": folds}


def five_pairs() -> ScoredSet:
    """Two genuine and three impostor pairs of four images; the last is image 5 of its source."""
    return ScoredSet(
        np.array([0.9, 0.2, 0.8, 0.1, 0.6], dtype=np.float32),
        np.array([True, True, False, False, False]),
        pairs=np.array([[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]),
        images=np.array([0, 1, 2, 5]),
    )
