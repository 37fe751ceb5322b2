"""Parameter groups with their learning rates, and schedules; YAML names a schedule by its class."""

from facerec.optim.cycles import CycledMomentum, Cyclic, OneCycle
from facerec.optim.groups import lr_factors_of, make_optimizer, parameter_groups
from facerec.optim.logged import logged_rates
from facerec.optim.plateau import Plateau, PlateauScheduler
from facerec.optim.schedules import (
    Constant,
    ExponentialDecay,
    MultiStepDecay,
    PolynomialDecay,
    Schedule,
    StepDecay,
    WarmupCosine,
)

__all__ = [
    "Constant",
    "CycledMomentum",
    "Cyclic",
    "ExponentialDecay",
    "MultiStepDecay",
    "OneCycle",
    "Plateau",
    "PlateauScheduler",
    "PolynomialDecay",
    "Schedule",
    "StepDecay",
    "WarmupCosine",
    "logged_rates",
    "lr_factors_of",
    "make_optimizer",
    "parameter_groups",
]
