"""Networks of one quality: embeddings of the same people, with errors of their own."""

import numpy as np


def two_equal_networks(
    generator: np.random.Generator,
    people: int,
    images: int,
    impostors: int = 400,
    size: int = 16,
    seeds: int = 0,
    luck: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores of both (P,), or (S, P) with seeds; labels (P,); and the two people of each pair (P, 2).

    Both find the same people and images hard. Each errs on others too, by person and by image, and so does each seed.
    With ``luck`` some seeds are better than others on all.
    """
    subjects = np.repeat(np.arange(people), images)
    pairs = np.stack(np.triu_indices(len(subjects), 1), axis=1)
    same = subjects[pairs[:, 0]] == subjects[pairs[:, 1]]
    some = generator.permutation(np.flatnonzero(~same))[:impostors]
    kept = np.concatenate([np.flatnonzero(same), some])
    hard = np.exp(0.3 * generator.normal(size=(people, 1)))[subjects]
    images_ND = generator.normal(size=(people, size))[subjects] + 0.7 * hard * generator.normal(
        size=(len(subjects), size)
    )

    def scores() -> np.ndarray:
        lot = np.exp(luck * generator.normal())
        own = 0.5 * generator.normal(size=(people, size))[subjects]
        embeddings = images_ND + lot * own + 0.7 * lot * generator.normal(size=images_ND.shape)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        return (embeddings[pairs[kept, 0]] * embeddings[pairs[kept, 1]]).sum(axis=1)

    first, second = ([scores() for _ in range(max(seeds, 1))] for _ in range(2))
    both = [np.array(rows) if seeds else rows[0] for rows in (first, second)]
    return both[0], both[1], same[kept], subjects[pairs[kept]]
