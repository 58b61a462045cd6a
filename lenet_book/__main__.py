"""python -m lenet_book lab | train | measure | figures | doctor"""

import argparse
import json
import os
import shlex
import signal
import sys
from dataclasses import replace
from pathlib import Path

from . import __version__, doctor


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lenet_book", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help="open JupyterLab, with settings that suit the demos",
                              add_help=False)
    lab.add_argument("arguments", nargs=argparse.REMAINDER, help="for jupyter lab")
    commands.add_parser("doctor", help="is this installation fit for the book?")
    figures = commands.add_parser("figures", help="draw the figures again")
    figures.add_argument("folder", type=Path, nargs="?", default=Path("figures"))
    train = commands.add_parser(
        "train", help="train a network and keep its weights and their log",
        epilog="Processes share the work if torchrun starts them, each with the same command: "
               "torchrun --nproc-per-node=2 -m lenet_book train ...")
    train.add_argument("model", help="lenet5-1998 or lenet5")
    train.add_argument("--recipe", default="fast", help="the name of a recipe (default: fast)")
    train.add_argument("--seed", type=int, default=0, help="of initial weights and order")
    train.add_argument("--epochs", type=int, help="in place of the recipe's")
    train.add_argument("--examples", type=int, metavar="N",
                       help="only the first N training digits, for a quick look")
    train.add_argument("--checkpoint", type=Path, metavar="FILE",
                       help="keep the state of the training here while it runs")
    train.add_argument("--resume", action="store_true",
                       help="go on from the checkpoint, if it is there")
    train.add_argument("--tensorboard", type=Path, metavar="FOLDER", help="gets the learning curves")
    train.add_argument("--out", type=Path, default=Path("weights"), metavar="FOLDER",
                       help="gets MODEL.safetensors and MODEL.json (default: weights)")
    measure = commands.add_parser("measure", help="run an experiment of the book over several seeds")
    measure.add_argument("experiment", help="such as fast, accurate or from-1998-to-today")
    measure.add_argument("--seeds", type=int, default=3, help="trainings of each row (default: 3)")
    measure.add_argument("--only", default="", metavar="TEXT", help="rows with this text in their name")
    measure.add_argument("--log", type=Path, default=Path("logs"), metavar="FOLDER",
                         help="gets EXPERIMENT.json; what it holds is not run again (default: logs)")
    chosen, others = parser.parse_known_args(arguments)
    if chosen.command == "lab":
        return _lab(others + chosen.arguments)
    if others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    if chosen.command == "doctor":
        return doctor.main()
    if chosen.command == "figures":
        from . import figures
        print(*figures.write(chosen.folder), sep="\n")
        return 0
    if chosen.command == "measure":
        return _measure(parser, chosen)
    return _train(parser, chosen)


def _lab(arguments: list[str]) -> int:
    from jupyterlab.labapp import main
    ours = str(Path(__file__).parent / "jupyter")  # in front of the reader's own configuration
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([ours, others] if others else [ours])
    # torch's threads should sleep while they wait for each other: spinning, they make training many
    # times slower as soon as another program wants one of the cores. But the next task mostly comes
    # within microseconds; to look out for it so long (GNU's OpenMP can) saves a quarter of a training.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ |= {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}
    os.environ.setdefault("JUPYTER_WIDGETS_ECHO", "0")  # a slider need not be told where it stands
    return main(arguments)


def _measure(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from . import experiments
    if chosen.experiment not in experiments.EXPERIMENTS:
        parser.error(f"no experiment is called {chosen.experiment!r}; "
                     f"there are {', '.join(experiments.EXPERIMENTS)}")
    if chosen.seeds < 2:
        parser.error(f"--seeds must be at least 2, for an interval, not {chosen.seeds}")
    for result in experiments.measure(chosen.experiment, chosen.seeds, chosen.log, chosen.only):
        print(result)
    return 0


def _train(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from .training import CheckpointError, distributed
    _check(parser, chosen)
    try:
        with distributed.processes():
            try:
                return _train_here(chosen)
            except KeyboardInterrupt:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # torchrun passes on what all have had
                if distributed.is_first():
                    print(f"stopped; {_how_to_go_on(chosen.checkpoint)}", file=sys.stderr)
                return 130  # what a shell reports of a program that Ctrl-C has ended
    except distributed.ProcessLost as error:
        print(f"{error}; {_how_to_go_on(chosen.checkpoint)}", file=sys.stderr)
    except (CheckpointError, FloatingPointError) as error:
        print(error, file=sys.stderr)
    return 1


def _check(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """End with a message where these arguments cannot be meant."""
    from . import models, paper
    from .training import RECIPES
    if chosen.model not in models.MODELS:
        parser.error(f"no model is called {chosen.model!r}; there are {', '.join(models.MODELS)}")
    if chosen.recipe not in RECIPES:
        parser.error(f"no recipe is called {chosen.recipe!r}; there are {', '.join(RECIPES)}")
    if chosen.epochs is not None and chosen.epochs < 1:
        parser.error(f"--epochs must be at least 1, not {chosen.epochs}")
    if chosen.examples is not None and not 1 <= chosen.examples <= paper.TRAINING_DIGITS:
        parser.error(f"--examples must be 1 to {paper.TRAINING_DIGITS}, not {chosen.examples}")
    file = chosen.checkpoint
    if chosen.resume and file is None:
        parser.error("--resume needs the file to go on from: --checkpoint FILE")
    if file is not None and not file.absolute().parent.is_dir():
        parser.error(f"--checkpoint {file}: there is no folder {file.parent}")
    if file is not None and file.exists() and not chosen.resume:
        parser.error(f"--checkpoint {file} is there already: go on from it with --resume, or delete it")


def _train_here(chosen: argparse.Namespace) -> int:
    """Train, in this process and those that torchrun has started beside it."""
    import torch
    from safetensors.torch import save_file

    from . import experiments, mnist, models
    from .training import RECIPES, choose_device, distributed, evaluate, fit
    from .training.callbacks import TensorBoard
    recipe = replace(RECIPES[chosen.recipe], seed=chosen.seed,
                     epochs=chosen.epochs or RECIPES[chosen.recipe].epochs)
    train, test = mnist.load_mnist()
    train = train[:chosen.examples]
    if distributed.is_first():
        chosen.out.mkdir(parents=True, exist_ok=True)
        print(f"{chosen.model} by recipe {chosen.recipe}, {len(train):,} digits, on "
              f"{choose_device()}, processes: {distributed.size()}", flush=True)
    torch.manual_seed(chosen.seed)
    model = models.build(chosen.model)
    history = fit(model, train, recipe, checkpoint=chosen.checkpoint, resume=chosen.resume,
                  callbacks=[TensorBoard(chosen.tensorboard)] if chosen.tensorboard else [])
    if not distributed.is_first():
        return 0
    score = evaluate(model, test)
    command = ["train", chosen.model, "--recipe", chosen.recipe, "--seed", str(chosen.seed),
               *(["--epochs", str(chosen.epochs)] if chosen.epochs else []),
               *(["--examples", str(chosen.examples)] if chosen.examples else [])]
    log = {"command": f"python -m lenet_book {shlex.join(command)}",
           **experiments.record(recipe, train, history, score)}
    weights = {name: tensor.contiguous() for name, tensor in model.cpu().state_dict().items()}
    save_file(weights, chosen.out / f"{chosen.model}.safetensors")
    (chosen.out / f"{chosen.model}.json").write_text(json.dumps(log, indent=1) + "\n")
    print(f"{chosen.model}: {history!r}\ntest {score!r}")
    return 0


def _how_to_go_on(checkpoint: Path | None) -> str:
    """What is left of a training that has ended early."""
    from .training.state import load
    if checkpoint is None:
        return "nothing is kept of a training without --checkpoint FILE"
    if not checkpoint.exists():
        return f"there is no checkpoint {checkpoint} yet: start the same command again"
    state = load(checkpoint)
    return (f"its checkpoint {checkpoint} is of epoch {state['epoch']}, step {state['step']}: "
            "start the same command with --resume")


if __name__ == "__main__":
    status = main()
    if "RANK" in os.environ:  # one of several processes
        # They leave threads of gloo behind. If one of these lets go of a tensor while Python clears up
        # after itself, the process aborts. Source: pytorch/pytorch issue 190489.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
