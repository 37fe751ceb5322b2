"""The page of TensorBoard's Custom Scalars tab: the curves of a run by the questions that they answer."""

import re
from collections.abc import Iterable

from facerec.losses import Joint, Loss

Chart = tuple[str, list[str]]  # TensorBoard's kind of chart, and regular expressions of what it shows
Layout = dict[str, dict[str, Chart]]

STAGES = r"^val(_ema|_swa)?"  # the average beside the raw weights
PART = r"([^/]+/)?"  # of a sum of losses


def scalar_layout(sets: Iterable[str], loss: Loss) -> Layout:
    """Groups of charts by their titles, for ``SummaryWriter.add_custom_scalars``.

    TensorBoard joins the layouts of all runs: charts of the same title and content are one.

    Args:
        sets: names of the sets of validation pairs.
        loss: the loss of the training.

    Example:
        >>> from facerec.losses import ArcFace
        >>> layout = scalar_layout(["lfw"], ArcFace(scale=16.0))
        >>> layout["People it has never seen"]["EER: lfw"]
        ('Multiline', ['^val(_ema|_swa)?/lfw/eer$'])
    """
    charts = {f"EER: {name}": _chart(f"{STAGES}/{re.escape(name)}/eer$") for name in sets}
    if len(charts) > 1:
        charts = {"EER: mean of the sets": _chart(f"{STAGES}/eer$"), **charts}
    thresholds = {f"threshold at the EER: {name}": _chart(f"{STAGES}/{re.escape(name)}/threshold$") for name in sets}
    training = {
        "accuracy: batches of training, dev images": _chart("^train/accuracy$", f"{STAGES}/accuracy(_nearest_mean)?$"),
        "loss: batches of training, dev images": _chart("^train/loss$", f"{STAGES}/loss$"),
        "cosine: own person, nearest other": _chart(f"^train/{PART}(own|other)_cosine$"),
    }
    if isinstance(loss, Joint):
        training |= {
            "loss of each part": _chart("^train/[^/]+/loss$"),
            "weight of each part": _chart("^train/[^/]+/weight$"),
        }
    course = {
        "learning rate": _chart("^train/learning_rate"),
        "norm of the gradient": _chart("^train/gradient_norm$"),
        "norm of the weights": _chart("^train/weight_norm$"),
        "images a second": _chart("^train/images_per_second$"),
    }
    return {"People it has never seen": {**charts, **thresholds}, "Training people": training, "Training": course}


def _chart(*patterns: str) -> Chart:
    return "Multiline", list(patterns)
