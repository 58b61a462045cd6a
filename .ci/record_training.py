"""Record a run of the demo of training with its default settings, for pages without a kernel.

Written to lenet_book/demos/live/recorded/training-run.json: what stays the same in the whole run, and
states: after so many digits seen, the kernels of C1 in thousandths.
"""

import json
from pathlib import Path

from lenet_book import demos

OUT = Path(demos.__file__).parent / "live" / "recorded" / "training-run.json"
STEPS = 16  # from one state to the next


def record() -> dict:
    with demos.training() as demo:
        learner, states = demo.learner, []
    while True:
        state = learner.progress(running=False)
        states.append([learner.seen, [round(1000 * weight) for weight in state["kernels"]]])
        if learner.seen >= learner.total:
            break
        for _ in range(STEPS):
            if learner.seen < learner.total:
                learner.step()
    for name in ("seen", "kernels", "running", "trouble"):  # which differ from state to state
        del state[name]
    for name in ("training", "validation"):
        state[name] = [[seen, round(error, 5)] for seen, error in state[name]]
    return state | {"recorded": True, "states": states}


if __name__ == "__main__":
    OUT.write_text(json.dumps(record(), separators=(",", ":")) + "\n", "utf-8")
    print(f"{OUT.name}: {OUT.stat().st_size:,} bytes")
