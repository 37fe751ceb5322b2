"""Which of Lightning's notices a command lets through: what facerec says itself, and advertising, is left out."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from facerec.cli.messages import fresh_line

LOGGERS = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.pytorch.accelerators.cuda",
    "lightning.fabric.utilities.seed",
)
LEFT_OUT = re.compile(
    "|".join(
        (
            "💡 Tip",  # other products
            "[GTH]PU available",  # ModelFacts names the device; an unused one has a warning
            "LOCAL_RANK: ",
            "Using .* Automatic Mixed Precision",  # "trainer.precision: auto is" says it, or the user has
            "Seed set to",  # a setting
            "Loading `train_dataloader` to estimate",
            "Restoring states from the checkpoint",  # "Restored all states" follows
            "Loaded model weights from the checkpoint",  # that of --ckpt_path
            r"\nDetected KeyboardInterrupt",  # "facerec fit: interrupted" follows
            "`Trainer.fit` stopped: `max_",  # the summary of the run says it
        )
    )
)


class OwnNotices(logging.Filter):
    """Drops the notices in ``LEFT_OUT``, and lets the others begin on a line of their own.

    Example:
        >>> notice = logging.makeLogRecord({"msg": "Restored all states from the checkpoint at last.ckpt"})
        >>> advert = logging.makeLogRecord({"msg": "💡 Tip: try installing more"})
        >>> OwnNotices().filter(notice), OwnNotices().filter(advert)
        (True, False)
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the notice is printed."""
        text = record.getMessage()
        if LEFT_OUT.match(text):
            return False
        record.msg, record.args = fresh_line() + text, ()
        return True


@contextmanager
def own_notices() -> Iterator[None]:
    """Let only those notices of Lightning through that say something of their own."""
    only = OwnNotices()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(only)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(only)
