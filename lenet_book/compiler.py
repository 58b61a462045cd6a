"""PyTorch's compiler, imported when something is compiled and not by every optimiser.

An optimiser of torch imports `torch._dynamo`, the first half of torch.compile, only to tell it what it
is to leave alone. That takes 1 to 2 seconds and 100 to 150 MB of each process that trains, and the book
compiles nothing.
"""

import sys
import threading
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FunctionType, ModuleType

NAME = "torch._dynamo"
_LOADING = threading.RLock()


def import_later() -> None:
    """From now on `import torch._dynamo` gives a module that loads itself when it is made use of.

    What it is asked for in passing it answers by itself: `disable` and `graph_break`, which without a
    compiler have nothing to do. Everything else, and the import of a part such as
    `torch._dynamo.config`, loads all of it. Where it is already there, nothing changes.
    """
    if NAME not in sys.modules and not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Later(ModuleType):
    """`torch._dynamo` until it is needed; then the same object becomes the module itself."""

    def __getattr__(self, name: str):
        if not name.startswith("__"):  # for some of those `warnings` and `inspect` ask every module
            _load(self)
            if type(self) is not _Later:
                return getattr(self, name)
        raise AttributeError(f"module {NAME!r} has no attribute {name!r}, or has not loaded it yet")

    def graph_break(self, msg: str = "") -> None:
        """There is no graph that could be broken."""

    def disable(self, function=None, *args, **options):
        """The function, which is to be left alone; by the compiler, as soon as there is one."""
        if not isinstance(function, FunctionType):
            _load(self)
            return self.disable(function, *args, **options)

        def left_alone(*its, **own):
            run = function if type(self) is _Later else self.disable(function, *args, **options)
            return run(*its, **own)

        return left_alone


def _load(module: ModuleType) -> bool:
    """Run the module's code, unless it has been run or this thread is at it. Whether it was run now."""
    with _LOADING:
        lazily = module.__spec__.loader
        if not isinstance(lazily, _Lazily):
            return False
        module.__spec__.loader = module.__loader__ = lazily.loader
        try:
            lazily.loader.exec_module(module)
        except BaseException:  # the next who needs it tries again
            module.__spec__.loader = module.__loader__ = lazily
            raise
        module.__class__ = ModuleType
        return True


class _Finder(MetaPathFinder):

    def find_spec(self, name: str, path, target=None) -> ModuleSpec | None:
        if name == NAME:
            if spec := PathFinder.find_spec(name, path):
                spec.loader = _Lazily(spec.loader)
            return spec
        part_of_it = name.startswith(f"{NAME}.")
        if part_of_it and _load(sys.modules[NAME]) and (part := sys.modules.get(name)):
            part.__spec__ = ModuleSpec(name, _AsItIs(part))  # it just came with the rest: not once more
            return part.__spec__
        return None


class _Lazily(Loader):
    """Makes the module, whose code its own loader runs later."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> _Later:
        return _Later(spec.name)

    def exec_module(self, module: _Later) -> None:
        pass


class _AsItIs(Loader):
    """Gives a module that has been loaded, with the origin that it has."""

    def __init__(self, module: ModuleType):
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec
