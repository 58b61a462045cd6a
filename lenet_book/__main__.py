"""Runs a command of python -m lenet_book, and ends as a shell expects it; see command_line.py."""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from . import doctor, memory, paper, storage
from .command_line import TRAINABLE, read


def main(arguments: list[str] | None = None) -> int:
    chosen, parser = read(arguments)
    memory.collect_seldom()
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


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Within, the end of the terminal, and what `kill` sends, stop a command as Ctrl-C does."""
    def stop(number: int, _) -> None:
        raise KeyboardInterrupt(number)
    there = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, stop) for number in there
              if signal.getsignal(number) == signal.SIG_DFL}  # under nohup SIGHUP is ignored
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        if [other.name for other in chapters].count(path.name) > 1:
            parser.error(f"two of the chapters are called {path.name}: hand them out one by one")
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
    import torch

    from . import models
    from .training import RECIPES
    if chosen.model not in models.MODELS:
        parser.error(f"no model is called {chosen.model!r}; there are {TRAINABLE}")
    with torch.device("meta"):  # where a large net costs nothing
        if models.build(chosen.model).scaling == "pixels":
            parser.error(f"{chosen.model} takes photographs in three channels and cannot be trained on "
                         f"the digits; these can: {TRAINABLE}")
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
    weights, log = _results(chosen)
    if (weights.is_file() or log.is_file()) and (made := _made_by(log)) != _command(chosen):
        parser.error(f"{weights} and its log are there already, made by {made or 'something else'}: "
                     "choose another folder with --out, or delete them")


def _results(chosen: argparse.Namespace) -> tuple[Path, Path]:
    """The files that a training writes in the end: weights and log."""
    return chosen.out / f"{chosen.model}.safetensors", chosen.out / f"{chosen.model}.json"


def _command(chosen: argparse.Namespace) -> str:
    """The command that leads to the same weights, for the log; without what it would do anyway."""
    from .training import RECIPES
    usual = {"epochs": RECIPES[chosen.recipe].epochs, "examples": paper.TRAINING_DIGITS}
    own = [word for name, value in usual.items() if getattr(chosen, name) not in (None, value)
           for word in (f"--{name}", str(getattr(chosen, name)))]
    return shlex.join(["python", "-m", "lenet_book", "train", chosen.model, "--recipe", chosen.recipe,
                       "--seed", str(chosen.seed), *own])


def _made_by(log: Path) -> str | None:
    """The command that a log names, if it is one."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return json.loads(log.read_text("utf-8"))["command"]


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
    weights, log = _results(chosen)
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
    record = {"command": _command(chosen), **experiments.record(recipe, train, history, score)}
    trained = {name: tensor.contiguous() for name, tensor in model.cpu().state_dict().items()}
    try:
        with Interrupts():  # a signal between the two files waits for the second
            storage.write({weights: save(trained), log: f"{json.dumps(record, indent=1)}\n".encode()})
    except OSError as error:
        return _fail(f"{error}; {_how_to_go_on(chosen.checkpoint)}")
    print(f"{chosen.model}: {history!r}\ntest {score!r}\nweights: {weights}, log: {log}", flush=True)
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
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
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
