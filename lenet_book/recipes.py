"""How a network is trained, as values that can be printed, compared and logged."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """Mini-batch AdamW under a one-cycle schedule.

    learning_rate: its peak; it climbs there over the first 30 % of the steps and falls to nearly 0.
    weight_decay: AdamW's, for every parameter alike. batch_size: examples a step.
    epochs: passes over the training set. seed: of the order in which examples are drawn (the
    initial weights belong to the model and come from torch.manual_seed).
    """

    learning_rate: float
    weight_decay: float
    batch_size: int
    epochs: int
    seed: int = 0

    def __post_init__(self):
        for name in ("learning_rate", "batch_size", "epochs"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must not be negative, not {self.weight_decay}")


# Change one value with dataclasses.replace(RECIPES["fast"], epochs=1).
RECIPES = {
    # Chosen on 5,000 digits held out of the training files, never on the test files.
    "fast": Recipe(learning_rate=5e-3, weight_decay=0.01, batch_size=128, epochs=6),
}
