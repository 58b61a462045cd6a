"""python -m lenet_book lab | show | train | measure | figures | sheets | page | doctor"""

import argparse
import json
import os
import reprlib
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from . import __version__, doctor, paper, storage


def main(arguments: list[str] | None = None) -> int:
    chosen, parser = _read(arguments)
    if chosen.command == "lab":
        return _lab(chosen.arguments)
    try:
        os.getcwd()
    except FileNotFoundError:
        return _fail("the folder that this was started in is gone: change to another one")
    run = {"doctor": _doctor, "figures": _figures, "measure": _measure, "page": _page,
           "sheets": _sheets, "show": _show, "train": _train}
    with _signals_stop():
        try:
            return run[chosen.command](parser, chosen)
        except BrokenPipeError:
            raise
        except OSError as error:
            return _fail(str(error))
        except KeyboardInterrupt as stop:
            return _stopped(stop, "nothing was written")


def _read(arguments: list[str] | None) -> tuple[argparse.Namespace, argparse.ArgumentParser]:
    """What is wanted; ends with a message where it makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m lenet_book", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    lab = commands.add_parser("lab", help="open JupyterLab, with settings that suit the demos",
                              add_help=False)
    lab.add_argument("arguments", nargs=argparse.REMAINDER, help="for jupyter lab")
    show = commands.add_parser("show", help="a demo alone in the browser, for a projector",
                               epilog="Settings are the demo's own arguments: show padding_stride s=3")
    show.add_argument("demo", nargs="?", metavar="DEMO", help="such as pooling")
    show.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="how it begins")
    show.add_argument("--list", action="store_true",
                      help="name the demos, or say what the settings of DEMO are; open nothing")
    show.add_argument("-o", "--out", type=_page_path, metavar="FILE.html",
                      help="keep the page here and do not open it")
    commands.add_parser("doctor", help="is this installation fit for the book?")
    figures = commands.add_parser("figures", help="draw the figures again")
    figures.add_argument("folder", type=_path, nargs="?", default=Path("figures"))
    sheets = commands.add_parser("sheets", help="the chapters to hand out, without the solutions")
    sheets.add_argument("folder", type=_path, metavar="OUT", help="gets the notebooks")
    sheets.add_argument("--chapters", type=_path, nargs="+", metavar="NOTEBOOK",
                        help="only these (default: all in the folder notebooks)")
    edition = sheets.add_mutually_exclusive_group()
    for name, what in (("solutions", "with the solutions in place of the dots"),
                       ("nbgrader", "as the source of a course for nbgrader")):
        edition.add_argument(f"--{name}", dest="edition", action="store_const", const=name,
                             default="student", help=what)
    page = commands.add_parser("page", help="one HTML file in which a LeNet-5 reads what one draws")
    page.add_argument("out", type=_page_path, metavar="OUT.html")
    page.add_argument("--net", type=_path, metavar="WEIGHTS.safetensors",
                      help="your own trained LeNet-5 (default: that of 1998)")
    train = commands.add_parser(
        "train", help="train a network and keep its weights and their log",
        epilog="Processes share the work if torchrun starts them, each with the same command: "
               "torchrun --nproc-per-node=2 -m lenet_book train ...")
    train.add_argument("model", help="lenet5-1998 or lenet5")
    train.add_argument("--recipe", default="fast", help="the name of a recipe (default: fast)")
    train.add_argument("--seed", type=_whole(0, 2**63 - 1), default=0,
                       help="of initial weights and order")
    train.add_argument("--epochs", type=_whole(1, 1_000_000), help="in place of the recipe's")
    train.add_argument("--examples", type=_whole(1, paper.TRAINING_DIGITS), metavar="N",
                       help="only the first N training digits, for a quick look")
    train.add_argument("--checkpoint", type=_path, metavar="FILE",
                       help="keep the state of the training here while it runs")
    train.add_argument("--resume", action="store_true",
                       help="go on from the checkpoint, if it is there")
    train.add_argument("--tensorboard", type=_path, metavar="FOLDER", help="gets the learning curves")
    train.add_argument("--out", type=_path, default=Path("weights"), metavar="FOLDER",
                       help="gets MODEL.safetensors and MODEL.json (default: weights)")
    measure = commands.add_parser("measure", help="run an experiment of the book over several seeds")
    measure.add_argument("experiment", help="such as fast, accurate or from-1998-to-today")
    measure.add_argument("--seeds", type=_whole(2, 1000), default=3,
                         help="trainings of each row, two or more for an interval (default: 3)")
    measure.add_argument("--only", default="", metavar="TEXT", help="rows with this text in their name")
    measure.add_argument("--log", type=_path, default=Path("logs"), metavar="FOLDER",
                         help="gets EXPERIMENT.json; what it holds is not run again (default: logs)")
    chosen, others = parser.parse_known_args(arguments)
    if chosen.command == "lab":
        chosen.arguments = others + chosen.arguments
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    return chosen, parser


def _whole(least: int, most: int) -> Callable[[str], int]:
    """An argument that is a whole number from `least` to `most`."""
    def number(text: str) -> int:
        with suppress(ValueError):
            if least <= int(text) <= most:
                return int(text)
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, not "
                                         f"{reprlib.repr(text)}")
    return number


def _path(text: str) -> Path:
    """An argument that is a path."""
    try:
        return storage.expanded(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _page_path(text: str) -> Path:
    """An argument that is the path of a page."""
    path = _path(text)
    if path.suffix != ".html":
        raise argparse.ArgumentTypeError(f"must end in .html, not {text!r}")
    return path


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Within, the end of the terminal, and what `kill` sends, stop a command as Ctrl-C does."""
    def stop(number: int, _) -> None:
        raise KeyboardInterrupt(number)
    before = {}
    for number in [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]:
        if signal.getsignal(number) == signal.SIG_DFL:  # under nohup SIGHUP is ignored
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number in before:
            signal.signal(number, signal.SIG_DFL)


def _stopped(stop: KeyboardInterrupt, remains: str | None) -> int:
    """Say what is left, if anything; returns what a shell reports of one that the signal has ended."""
    if remains is not None:
        _fail(f"stopped; {remains}")
    return 128 + (stop.args[0] if stop.args else signal.SIGINT)


def _fail(message: str) -> int:
    """Say why; returns 1, for a failure."""
    with suppress(OSError):  # the terminal may be gone
        print(message, file=sys.stderr, flush=True)
    return 1


def _lab(arguments: list[str]) -> int:
    from jupyterlab.labapp import main
    return main(arguments)


def _doctor(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    return doctor.main()


def _figures(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from . import figures
    try:
        print(*figures.write(chosen.folder), sep="\n", flush=True)
    except KeyboardInterrupt as stop:
        return _stopped(stop, f"every figure in {chosen.folder} is whole")
    return 0


def _sheets(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from . import sheets
    chapters = chosen.chapters or sorted(Path("notebooks").glob("*.ipynb"))
    if not chapters:
        parser.error("there is no folder notebooks with chapters here: name them, --chapters NOTEBOOK")
    for path in chapters:
        if path.resolve().parent == chosen.folder.resolve() and chosen.edition != "nbgrader":
            parser.error(f"OUT is the folder of {path}, which would be written over")
    try:
        for path in sheets.write(chapters, chosen.folder, chosen.edition):
            print(path, flush=True)
    except KeyboardInterrupt as stop:
        return _stopped(stop, f"every notebook in {chosen.folder} is whole")
    return 0


def _show(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from . import show
    try:
        if chosen.list:
            print(show.about(chosen.demo) if chosen.demo else show.listed())
            return 0
        if not chosen.demo:
            parser.error(f"which demo? There are {', '.join(show.DEMOS)}")
        demo = show.made(chosen.demo, chosen.settings)
    except (TypeError, ValueError) as error:
        parser.error(str(error))
    with demo:
        path = chosen.out or show.folder() / f"{demo.name}.html"
        storage.write({path: show.page(demo)})
    print(path, flush=True)
    if demo.name == show.RECORDED:
        print("It replays a recorded run; in a notebook it trains.", flush=True)
    if not chosen.out and not show.opened(path):
        print(show.advice(path))
    return 0


def _page(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from .demos import alone, draw_digit, own
    try:
        net = own.load(chosen.net) if chosen.net else "lenet5-1998"
        demo = draw_digit(net=net)
    except ValueError as error:
        return _fail(str(error))
    with demo:
        storage.write({chosen.out: alone.page(demo, "LeNet-5 reads what you draw").encode()})
    print(chosen.out)
    return 0


def _measure(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from . import experiments
    if chosen.experiment not in experiments.EXPERIMENTS:
        parser.error(f"no experiment is called {chosen.experiment!r}; "
                     f"there are {', '.join(experiments.EXPERIMENTS)}")
    try:
        for result in experiments.measure(chosen.experiment, chosen.seeds, chosen.log, chosen.only):
            print(result)
    except KeyboardInterrupt as stop:
        return _stopped(stop, f"{chosen.log / chosen.experiment}.json holds the trainings that had "
                              "ended: the same command goes on with the others")
    except (ValueError, FloatingPointError) as error:
        return _fail(str(error))
    return 0


def _train(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    from .mnist import MnistError
    from .training import CheckpointError, distributed
    _check(parser, chosen)
    try:
        with distributed.processes():
            try:
                return _train_here(chosen)
            except KeyboardInterrupt as stop:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # torchrun passes on what all have had
                return _stopped(stop, _how_to_go_on(chosen.checkpoint)
                                if distributed.is_first() else None)
    except distributed.ProcessLost as error:
        return _fail(f"{error}; {_how_to_go_on(chosen.checkpoint)}")
    except (CheckpointError, MnistError, FloatingPointError, ImportError, ValueError) as error:
        return _fail(str(error))


def _check(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """End with a message where these arguments cannot be meant."""
    from . import models
    from .training import RECIPES
    if chosen.model not in models.MODELS:
        parser.error(f"no model is called {chosen.model!r}; there are {', '.join(models.MODELS)}")
    if chosen.recipe not in RECIPES:
        parser.error(f"no recipe is called {chosen.recipe!r}; there are {', '.join(RECIPES)}")
    file = chosen.checkpoint
    if chosen.resume and file is None:
        parser.error("--resume needs the file to go on from: --checkpoint FILE")
    if file is not None:
        try:
            file = storage.target(file)
        except OSError as error:
            parser.error(f"--checkpoint {chosen.checkpoint}: {error}")
        if file.exists() and not chosen.resume:
            parser.error(f"--checkpoint {chosen.checkpoint} is there already: go on from it with "
                         "--resume, or delete it")


def _train_here(chosen: argparse.Namespace) -> int:
    """Train, in this process and those that torchrun has started beside it."""
    import torch
    from safetensors.torch import save

    from . import experiments, mnist, models
    from .training import RECIPES, choose_device, distributed, evaluate, fit
    from .training.callbacks import TensorBoard
    from .training.interrupts import Interrupts
    recipe = replace(RECIPES[chosen.recipe], seed=chosen.seed,
                     epochs=chosen.epochs or RECIPES[chosen.recipe].epochs)
    train, test = mnist.load_mnist()
    train = train[:chosen.examples]
    torch.manual_seed(chosen.seed)
    model = models.build(chosen.model)
    weights, log = (chosen.out / f"{chosen.model}.{kind}" for kind in ("safetensors", "json"))
    if distributed.is_first():
        chosen.out.mkdir(parents=True, exist_ok=True)
        # What cannot be written is known before the work; a log takes a few kilobytes.
        storage.rehearse({weights: save(model.state_dict()), log: bytes(10_000)})
        print(f"{chosen.model} by recipe {chosen.recipe}, {len(train):,} digits, on "
              f"{choose_device()}, processes: {distributed.size()}", flush=True)
    history = fit(model, train, recipe, checkpoint=chosen.checkpoint, resume=chosen.resume,
                  callbacks=[TensorBoard(chosen.tensorboard)] if chosen.tensorboard else [])
    if not distributed.is_first():
        return 0
    score = evaluate(model, test)
    command = ["train", chosen.model, "--recipe", chosen.recipe, "--seed", str(chosen.seed),
               *(["--epochs", str(chosen.epochs)] if chosen.epochs else []),
               *(["--examples", str(chosen.examples)] if chosen.examples else [])]
    record = {"command": f"python -m lenet_book {shlex.join(command)}",
              **experiments.record(recipe, train, history, score)}
    trained = {name: tensor.contiguous() for name, tensor in model.cpu().state_dict().items()}
    try:
        with Interrupts():  # a signal between the two files waits for the second
            storage.write({weights: save(trained), log: f"{json.dumps(record, indent=1)}\n".encode()})
    except OSError as error:
        return _fail(f"{error}; {_how_to_go_on(chosen.checkpoint)}")
    print(f"{chosen.model}: {history!r}\ntest {score!r}", flush=True)
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


def _as_a_program() -> int:
    """Run the command, whatever the standard streams are like."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed; the next file to be opened would get its number
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    sys.stdout.reconfigure(errors="backslashreplace")  # for names that its encoding does not have
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # as in `... | head`: whoever has read enough has gone
        status = 128 + 13  # SIGPIPE, as a shell reports it
    except OSError as error:
        status = _fail(f"the output cannot be written ({error})")
    with suppress(OSError):
        sys.stdout.flush()
    return status


if __name__ == "__main__":
    status = _as_a_program()
    if "RANK" in os.environ:  # one of several processes
        # They leave threads of gloo behind. If one of these lets go of a tensor while Python clears up
        # after itself, the process aborts. Source: pytorch/pytorch issue 190489.
        os._exit(status)
    sys.exit(status)
