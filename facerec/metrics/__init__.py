"""Pure functions on raw scores."""

from facerec.metrics.confidence import bootstrap_interval
from facerec.metrics.verification import (
    ErrorRates,
    Roc,
    area_under_roc,
    equal_error_rate,
    error_rates_at,
    roc,
)

__all__ = [
    "ErrorRates",
    "Roc",
    "area_under_roc",
    "bootstrap_interval",
    "equal_error_rate",
    "error_rates_at",
    "roc",
]
