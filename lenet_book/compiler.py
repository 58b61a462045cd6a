"""PyTorch's compiler, imported when something is compiled and not by every optimiser.

An optimiser of torch imports `torch._dynamo`, the first half of torch.compile, only to tell it what it
is to leave alone; `import torchvision` does for one of its functions. That takes 1 to 2 seconds and 100
to 150 MB of each process, and the book compiles nothing.
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
    """A module until it is needed; then the same object becomes the module itself."""

    def __getattr__(self, name: str):
        if not name.startswith("__"):  # for some of those `warnings` and `inspect` ask every module
            _load(self)
            if not isinstance(self, _Later):
                return getattr(self, name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}, or not yet")


class _Front(_Later):
    """`torch._dynamo`, of which torch's optimisers and modes want these two."""

    def graph_break(self, msg: str = "") -> None:
        """There is no graph that could be broken."""

    def disable(self, function=None, *args, **options):
        """The function, which is to be left alone; by the compiler, as soon as there is one."""
        if not isinstance(function, FunctionType):
            _load(self)
            return self.disable(function, *args, **options)

        def left_alone(*its, **own):
            run = function if isinstance(self, _Later) else self.disable(function, *args, **options)
            return run(*its, **own)

        return left_alone


class _Utils(_Later):
    """`torch._dynamo.utils`, of which torchvision wants this one, for a device without operators."""

    def is_compile_supported(self, device_type):
        _load(self)
        return self.is_compile_supported(device_type)


def _load(module: ModuleType) -> None:
    """Run the module's code, unless it has been run or this thread is at it; of a part, all of it."""
    with _LOADING:
        if _waits(module) and module.__name__ != NAME:
            _load(sys.modules[NAME])
        if not _waits(module):
            return
        lazily = module.__spec__.loader
        module.__spec__.loader = module.__loader__ = lazily.loader
        try:
            lazily.loader.exec_module(module)
        except BaseException:  # the next who needs it tries again
            module.__spec__.loader = module.__loader__ = lazily
            raise
        module.__class__ = ModuleType


def _waits(module: ModuleType) -> bool:
    return isinstance(module.__spec__.loader, _Lazily)


class _Finder(MetaPathFinder):

    def find_spec(self, name: str, path, target=None) -> ModuleSpec | None:
        if name == NAME:
            return _later(name, path, _Front)
        if not name.startswith(f"{NAME}.") or not _waits(sys.modules[NAME]):
            return None
        if name == f"{NAME}.utils":
            return _later(name, path, _Utils)
        _load(sys.modules[NAME])
        if part := sys.modules.get(name):  # it came with the rest, and is not to be run once more
            part.__spec__ = ModuleSpec(name, _AsItIs(part))
        return part and part.__spec__


def _later(name: str, path, kind: type[_Later]) -> ModuleSpec | None:
    if spec := PathFinder.find_spec(name, path):
        spec.loader = _Lazily(spec.loader, kind)
    return spec


class _Lazily(Loader):
    """Makes the module, whose code its own loader runs later."""

    def __init__(self, loader: Loader, kind: type[_Later]):
        self.loader, self.kind = loader, kind

    def create_module(self, spec: ModuleSpec) -> _Later:
        return self.kind(spec.name)

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
