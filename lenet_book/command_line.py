"""python -m lenet_book lab | show | train | measure | figures | sheets | page | doctor"""

import argparse
import reprlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import __version__, paper, storage

# For the help, which would take seconds if it had to load PyTorch for these names.
TRAINABLE = ("lenet5-1998, lenet5, lenet5-variant, lenet-batchnorm, lenet-relu, lenet-sigmoid, "
             "lenet-tanh, alexnet-small, vgg-small, vgg-small-5x5, vgg-small-16, vgg-small-average, "
             "nin-mnist, nin-small, nin-small-plain, googlenet-small, googlenet-small-with-head")
RECIPES = ("fast, accurate, paper-1998, paper-1998-distorted, tutorial-relu, tutorial-sigmoid, "
           "tutorial-d2l")


def read(arguments: list[str] | None) -> tuple[argparse.Namespace, argparse.ArgumentParser]:
    """What is wanted, and the parser of that command; ends with a message where it makes no sense."""
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
    train.add_argument("model", help=f"one of {TRAINABLE}")
    train.add_argument("--recipe", default="fast", help=f"one of {RECIPES} (default: fast)")
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
    parser = commands.choices[chosen.command]
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
