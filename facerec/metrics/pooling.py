"""Templates: one embedding for several images of a person, such as those of a video.

Shapes: N images, M memberships of an image in a template, T templates, D embedding.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from facerec.arrays import as_array, as_tensor

AT_ONCE = 4096


def pool_templates(
    embeddings_ND: ArrayLike,
    images_M: ArrayLike,
    templates_M: ArrayLike,
    media_M: ArrayLike | None = None,
    scores_M: ArrayLike | None = None,
    *,
    weigh_by_length: bool = True,
) -> Tensor:
    """One direction for each template: the sum over its media of the mean over the images of each, normalised.

    Image i of medium m weighs s_i / n_m, where n_m is the number of the template's images of that medium (Whitelam et
    al., IJB-B, CVPR Workshops 2017; insightface's ``image2template_feature``). So a video counts as much as a
    photograph.

    Args:
        embeddings_ND: embedding of each image (N, D), as the network gives it.
        images_M: image of each membership (M,).
        templates_M: template of each membership (M,), numbered from 0.
        media_M: number of the medium of each membership (M,), such as a video. By default each image is one.
        scores_M: weight of each membership (M,), such as the score of the detector. By default all weigh the same.
        weigh_by_length: whether longer embeddings weigh more. If not, all are scaled to length 1 first.

    Returns:
        The templates (T, D), float32, of length 1.

    Example:
        Two frames of one video and a photograph: the video counts as much as the photograph.

        >>> from facerec.metrics import pool_templates
        >>> frames = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> pool_templates(frames, [0, 1, 2], [0, 0, 0], media_M=[5, 5, 6]).numpy().round(3).tolist()
        [[0.707..., 0.707...]]
    """
    embeddings, images = as_tensor(embeddings_ND).float().cpu(), torch.from_numpy(as_array(images_M).astype(np.int64))
    templates = as_array(templates_M).astype(np.int64)
    weights_M = torch.from_numpy(_weights(templates, media_M, scores_M).astype(np.float32))
    owners = torch.from_numpy(templates)
    sums_TD = torch.zeros(int(templates.max(initial=-1)) + 1, embeddings.shape[1])
    for start in range(0, len(images), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        rows_MD = embeddings[images[part]]
        if not weigh_by_length:
            rows_MD = F.normalize(rows_MD)
        sums_TD.index_add_(0, owners[part], rows_MD * weights_M[part, None])
    return F.normalize(sums_TD)


def _weights(
    templates_M: NDArray[np.int64], media_M: ArrayLike | None, scores_M: ArrayLike | None
) -> NDArray[np.float64]:
    weights_M = np.ones(len(templates_M)) if scores_M is None else as_array(scores_M).astype(np.float64)
    if media_M is None:
        return weights_M
    media = np.unique(as_array(media_M), return_inverse=True)[1]
    groups_M = np.unique(templates_M * (int(media.max(initial=0)) + 1) + media, return_inverse=True)[1]
    return np.asarray(weights_M / np.bincount(groups_M)[groups_M])
