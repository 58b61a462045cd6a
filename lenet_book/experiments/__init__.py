"""Trainings that the book compares, over several seeds; chapters 07, 08, 10 to 14 read the logs."""

from .results import LOGS, Difference, Result, results
from .rows import EXPERIMENTS, Row
from .trainings import measure, record, run

__all__ = ["EXPERIMENTS", "LOGS", "Difference", "Result", "Row", "measure", "record", "results", "run"]
