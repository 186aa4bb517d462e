"""What rules make of a network's weights (merged with norms, their positive part), kept from one pass to the next."""

from collections.abc import Callable, Hashable, Mapping
from typing import Final

from torch import Tensor

from xai_widget.engine.runner import Runner
from xai_widget.engine.store import CACHE_BYTES

# Half of the cache: what does not fit is made anew each time, and drives out nothing else.
WEIGHT_BYTES: Final = CACHE_BYTES // 2
KEY: Final = "relevance weights"


class Weights:
    """Altered weights of one model in one version, bounded in bytes.

    Attributes
    ----------
    nbytes : int
        Held now.
    """

    def __init__(self, tensors: Mapping[int, Tensor], limit: int = WEIGHT_BYTES) -> None:
        self._tensors = tensors  # held, so that an id is of one tensor only
        self._limit = limit
        self._made: dict[Hashable, Tensor] = {}
        self.nbytes = 0

    @classmethod
    def of(cls, runner: Runner) -> "Weights":
        """Return what is kept for the network; nothing of another version of it."""
        key = (KEY, runner.generation, runner.device)
        found = runner.store.get(key)
        if isinstance(found, cls):
            return found
        module = runner.module
        tensors = () if module is None else (*module.parameters(), *module.buffers())
        made = cls({id(tensor): tensor for tensor in tensors})
        made.keep(runner)
        return made

    def keep(self, runner: Runner) -> None:
        """Hand this to the store, as large as it is now."""
        runner.store.put((KEY, runner.generation, runner.device), self, self.nbytes)

    def made(self, what: Hashable, sources: tuple[Tensor, ...], make: Callable[[], Tensor]) -> Tensor:
        """Return `make()`, or what it returned before for the same `what` and the same parameters, unchanged."""
        if not all(id(source) in self._tensors and not source.is_inference() for source in sources):
            return make()  # of a parametrisation, say: another tensor in each pass
        key = (what, *((id(source), source._version) for source in sources))
        if key not in self._made:
            value = make()
            if self.nbytes + value.nbytes > self._limit:
                return value
            self._made[key] = value
            self.nbytes += value.nbytes
        return self._made[key]
