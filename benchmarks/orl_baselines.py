"""What needs no network on ORL: cosine of raw pixels, eigenfaces (PCA), PCA + LDA, on the split of the default run.

    python benchmarks/orl_baselines.py

Fitted on the training and validation people (all their images), tested on all pairs of the test people, fold by fold.
Turk and Pentland 1991 (eigenfaces); Belhumeur, Hespanha and Kriegman 1997 (Fisherfaces).
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from facerec.data import ORLImages, ORLPairs
from facerec.metrics import equal_error_rate

COMPONENTS = 50
FOLDS = (1, 2, 3, 4)


def pixels(images):
    """Grey pixels of every image (N, H * W), and the names of their people (N,)."""
    flat = np.stack([images.read(index)[0].numpy().ravel() for index in range(len(images))]).astype(np.float64)
    return flat, np.array(images.identities)[images.labels]


def pair_error(features, pairs):
    """EER of cosine scores of the pairs."""
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    return equal_error_rate((unit[pairs.pairs[:, 0]] * unit[pairs.pairs[:, 1]]).sum(1), pairs.same)[0]


def baselines(fold):
    """EER of each method on the test people of a fold."""
    parts = [pixels(ORLImages(part, fold)) for part in ("train", "dev", "val")]
    known, names = np.concatenate([flat for flat, _ in parts]), np.concatenate([who for _, who in parts])
    test = ORLPairs("test", fold)
    faces, _ = pixels(test.images)
    pca = PCA(COMPONENTS, random_state=0).fit(known)
    lda = LinearDiscriminantAnalysis().fit(pca.transform(known), names)
    return {
        "raw pixels": pair_error(faces, test),
        f"PCA, {COMPONENTS} components": pair_error(pca.transform(faces), test),
        "PCA + LDA": pair_error(lda.transform(pca.transform(faces)), test),
    }


def main():
    """Print a row for each method."""
    by_fold = [baselines(fold) for fold in FOLDS]
    print(f"{'EER on unseen people':24}" + "".join(f"  fold {fold}" for fold in FOLDS) + "    mean")
    for method in by_fold[0]:
        rates = [row[method] for row in by_fold]
        print(f"{method:24}" + "".join(f"{rate:8.1%}" for rate in rates) + f"{np.mean(rates):8.1%}")


if __name__ == "__main__":
    main()
