"""What ``facerec check`` computes: whether devices compute alike, how fast a training step is, and what limits it."""

from facerec.checkup.advice import advice
from facerec.checkup.agreement import Case, Deviation, Place, deviations, places_of
from facerec.checkup.capacity import Capacity, largest_batch
from facerec.checkup.cases import all_cases
from facerec.checkup.speed import Speed, measure_reading, measure_speed
from facerec.checkup.training import Training, measure_training
from facerec.checkup.training_step import TrainingStep

__all__ = [
    "Capacity",
    "Case",
    "Deviation",
    "Place",
    "Speed",
    "Training",
    "TrainingStep",
    "advice",
    "all_cases",
    "deviations",
    "largest_batch",
    "measure_reading",
    "measure_speed",
    "measure_training",
    "places_of",
]
