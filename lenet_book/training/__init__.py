"""Train a network and measure it: recipes, the loop, optimisers, checkpoints. Chapter 08 builds it."""

from .augmentation import Distortion
from .crops import Crops, principal_colours
from .loop import choose_device, evaluate, fit
from .recipes import RECIPES, Recipe
from .results import Epoch, History, Score
from .run import load_weights
from .state import CheckpointError

__all__ = ["RECIPES", "CheckpointError", "Crops", "Distortion", "Epoch", "History", "Recipe", "Score",
           "choose_device", "evaluate", "fit", "load_weights", "principal_colours"]
