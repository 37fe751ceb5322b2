"""A run of one seed and fold of people with a test of made-up scores, as `facerec test` leaves it."""

import itertools
from pathlib import Path

import numpy as np
import yaml

from facerec.reports import Measurement, evaluate, write_metrics

PEOPLE, IMAGES = 6, 4  # of a fold


def write_tested_run(folder: Path, fold: int, seed: int, apart: float, noise: float = 0.5, accuracy: float = 0.9):
    """Write the run. Returns its EER on all pairs of the images of the fold's six people.

    ``apart`` is the distance of genuine and impostor scores, ``noise`` the deviation of both. The noise is that of the
    fold and seed.
    """
    images = [(f"faces/f{fold}p{person}/{image}.png", person) for person in range(PEOPLE) for image in range(IMAGES)]
    pairs = list(itertools.combinations(images, 2))
    people = [(one[1], other[1]) for one, other in pairs]
    same = np.array([one == other for one, other in people])
    scores = apart * same + noise * np.random.default_rng([fold, seed]).normal(size=len(same))
    (folder / "test").mkdir(parents=True)
    settings = {"seed_everything": seed, "data": {"train": {"init_args": {"fold": fold}}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    summary = evaluate(same, scores=scores, people=people, resamples=20)
    logged = {"test/accuracy": accuracy}
    write_metrics(folder / "test" / "metrics.json", Measurement(score="cosine", sets={"faces": summary}, logged=logged))
    rows = [
        f"{one[0]},{other[0]},{score},{int(kind)},{one[1]},{other[1]}"
        for (one, other), score, kind in zip(pairs, scores, same, strict=True)
    ]
    heading = "image_1,image_2,score,same,person_1,person_2"
    (folder / "test" / "faces_scores.csv").write_text("\n".join([heading, *rows]) + "\n")
    return summary.eer
