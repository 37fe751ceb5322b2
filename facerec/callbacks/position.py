"""Where a training stands, in Lightning's record of its loops, so that a resumed run does each batch once.

Lightning resumes exactly from some of its hooks and not from others. A checkpoint written at one of the others is put
into words here that Lightning resumes from exactly. In the names below, an epoch has N batches, and k of them are done.
"""

from collections.abc import Mapping
from typing import Any

COUNTERS = ("ready", "started", "processed", "completed")
EPOCHS, BATCHES, LOGGED = "epoch_progress", "epoch_loop.batch_progress", "epoch_loop.state_dict"
VALIDATION = "epoch_loop.val_loop.batch_progress"
STEPPED = "_batches_that_stepped"


def between_batches(fit_loop: dict[str, Any]) -> None:
    """Rewrite a record of ``on_train_batch_start``: k batches are done, and batch k + 1 waits.

    Args:
        fit_loop: record of the fit loop in a checkpoint. Changed in place.
    """
    progress = fit_loop[BATCHES]
    for tracker in (progress["total"], progress["current"]):
        done = tracker["completed"]
        _set(tracker, done)
        tracker["completed"] = done - 1  # Lightning's record at the end of a batch, which it completes when it resumes
    progress["is_last_batch"] = False
    fit_loop[LOGGED][STEPPED] -= 1
    _set_loaders(fit_loop, progress["current"]["ready"])


def before_first_batch(fit_loop: dict[str, Any]) -> None:
    """Rewrite a record from within the first batch of an epoch: the epoch before is over, and this one waits.

    Args:
        fit_loop: record of the fit loop in a checkpoint. Changed in place.
    """
    for tracker in (fit_loop[EPOCHS]["total"], fit_loop[EPOCHS]["current"]):
        _set(tracker, tracker["processed"])
        tracker["completed"] -= 1  # Lightning's record in on_train_epoch_end
    batches = fit_loop[BATCHES]
    _set(batches["total"], batches["total"]["completed"])
    _set(batches["current"], 0)
    batches["is_last_batch"] = False
    _set_loaders(fit_loop, 0)


def before_validation(fit_loop: dict[str, Any]) -> None:
    """Rewrite a record from within a validation: k batches are done, and the validation starts anew.

    Args:
        fit_loop: record of the fit loop in a checkpoint. Changed in place.
    """
    batches, validation = fit_loop[BATCHES], fit_loop[VALIDATION]
    for tracker in (batches["total"], batches["current"]):
        _set(tracker, tracker["ready"])
    _set(validation["current"], 0)
    begun = max(1, validation["total"]["ready"])
    validation["total"] |= {"ready": begun, "started": begun, "processed": begun - 1, "completed": begun - 1}
    validation["is_last_batch"] = False
    _set_loaders(fit_loop, batches["current"]["ready"])


def before_epoch(fit_loop: dict[str, Any]) -> None:
    """Rewrite the record of the end of an epoch for a training of ``max_steps``: the next epoch waits.

    Such a training always resumes within an epoch, and from the end of one Lightning counts that epoch twice.

    Args:
        fit_loop: record of the fit loop in a checkpoint. Changed in place.
    """
    for tracker in (fit_loop[EPOCHS]["total"], fit_loop[EPOCHS]["current"]):
        _set(tracker, tracker["processed"])
    batches = fit_loop[BATCHES]
    _set(batches["total"], batches["total"]["ready"])
    _set(batches["current"], 0)
    for tracker in (batches["total"], batches["current"]):
        tracker["completed"] -= 1  # as in between_batches
    batches["is_last_batch"] = False
    fit_loop[LOGGED][STEPPED] -= 1
    _set_loaders(fit_loop, 0)


def is_at_epoch_end(fit_loop: Mapping[str, Any]) -> bool:
    """Whether the epoch that was begun is over."""
    epoch = fit_loop[EPOCHS]["current"]
    return bool(epoch["processed"] == epoch["ready"])


def epochs_done(fit_loop: Mapping[str, Any]) -> int:
    """Epochs that are over."""
    return int(fit_loop[EPOCHS]["current"]["processed"])


def batches_done(fit_loop: Mapping[str, Any]) -> int:
    """Batches of the epoch that a resumed run has behind it; 0 at the end of an epoch."""
    return 0 if is_at_epoch_end(fit_loop) else int(fit_loop[BATCHES]["current"]["ready"])


def next_logged_step(fit_loop: Mapping[str, Any]) -> int:
    """The step that a resumed run logs first. What was logged at it or later is superseded."""
    return int(fit_loop[LOGGED][STEPPED]) + (0 if is_at_epoch_end(fit_loop) else 1)


def _set(tracker: dict[str, int], count: int) -> None:
    tracker.update(dict.fromkeys(COUNTERS, count))


def _set_loaders(fit_loop: dict[str, Any], batches: int) -> None:
    """What Lightning gives back to the loaders: the next batch may have been fetched, and was not trained on."""
    own = fit_loop["state_dict"]
    own["combined_loader"] = [{"batches": batches} for _ in own.get("combined_loader", [])]
