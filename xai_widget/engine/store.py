"""What is kept for a model: its shadow, its facts, and a bounded cache of results.

All of it belongs to the *model*, through a weak map, and not to a widget: a cell that is run thirty times holds one
copy. Every entry is thrown away as soon as the model's version changes. The caches of all models together hold at
most `CACHE_BYTES`; the least recently used entries go first.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final

import torch
from torch import nn

from xai_widget.engine.shadow import make_shadow
from xai_widget.engine.version import model_version

CACHE_BYTES: Final = 256 * 2**20


class Cache:
    """A least-recently-used mapping bounded in bytes, safe to use from several threads."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def get(self, key: Hashable) -> Any | None:
        """Return the value under `key`, or None, and mark it as used now."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep `value`, dropping what was not used for longest; a value above the limit is not kept at all."""
        with self._lock:
            if key in self._entries:
                self.nbytes -= self._entries.pop(key)[1]
            if nbytes > self._limit:
                return
            self._entries[key] = (value, nbytes)
            self.nbytes += nbytes
            while self.nbytes > self._limit:
                self.nbytes -= self._entries.popitem(last=False)[1][1]

    def held(self, owner: int) -> list[Hashable]:
        """Return the keys of one owner, without the owner."""
        with self._lock:
            return [key[1] for key in self._entries if isinstance(key, tuple) and key[0] == owner]

    def remove(self, keys: Iterable[Hashable]) -> None:
        """Forget these entries."""
        with self._lock:
            for key in keys:
                if key in self._entries:
                    self.nbytes -= self._entries.pop(key)[1]

    def drop(self, owner: int) -> None:
        """Forget every entry whose key starts with `owner`."""
        with self._lock:
            for key in [key for key in self._entries if isinstance(key, tuple) and key[0] == owner]:
                self.nbytes -= self._entries.pop(key)[1]


class Store:
    """Shadow, facts and kept results of one model.

    Attributes
    ----------
    facts : dict
        By input shape and the way the model is run.
    pace : dict
        Seconds of the fastest forward so far, an input, by input shape.
    generation : int
        Grows whenever the model has changed; part of every key, so that an old result never answers for a new model.
    lock : threading.RLock
        Held while the network runs: hooks of two threads must not meet.
    """

    def __init__(self, model: object) -> None:
        self._model = weakref.ref(model) if isinstance(model, nn.Module) else None
        self._version: Hashable = None
        self._shadows: dict[torch.device | None, nn.Module | None] = {}
        self._owner = id(self)
        self.facts: dict[Hashable, Any] = {}
        self.pace: dict[Hashable, float] = {}
        self.generation = 0
        self.lock = threading.RLock()
        weakref.finalize(self, _CACHE.drop, self._owner)

    def refresh(self, *, force: bool = False) -> None:
        """Throw everything away if the model's version has changed since the last call (or if `force`)."""
        model = self._model() if self._model is not None else None
        version = model_version(model) if model is not None else None
        with self.lock:
            if force or version != self._version:
                self._version = version
                self.generation += 1
                self._shadows.clear()
                self.facts.clear()
                self.pace.clear()
                _CACHE.drop(self._owner)

    def shadow(self, model: nn.Module, device: torch.device | None) -> nn.Module | None:
        """Return the model's shadow on `device` (None: where the model is); None where none can be made."""
        with self.lock:
            if device not in self._shadows:
                self._shadows[device] = make_shadow(model, device)
            return self._shadows[device]

    def held(self) -> list[Hashable]:
        """Return the keys of what is kept for this model."""
        return _CACHE.held(self._owner)

    def get(self, key: Hashable) -> Any | None:
        """Return what is kept under `key`, or None."""
        return _CACHE.get((self._owner, key))

    def put(self, key: Hashable, value: Any, nbytes: int) -> None:
        """Keep `value` of `nbytes` bytes under `key`."""
        _CACHE.put((self._owner, key), value, nbytes)

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Let go of what is kept under these keys."""
        _CACHE.remove([(self._owner, key) for key in keys])


# The one place where state outlives a call: a weak map cannot live anywhere else.
_CACHE: Final = Cache()
_STORES: Final[weakref.WeakKeyDictionary[nn.Module, Store]] = weakref.WeakKeyDictionary()
_STORES_LOCK: Final = threading.Lock()


def store_for(model: Callable[..., Any]) -> Store:
    """Return the store of `model`: one per module, a new one for every use of a plain callable."""
    if not isinstance(model, nn.Module):
        return Store(model)
    with _STORES_LOCK:
        store = _STORES.get(model)
        if store is None:
            store = _STORES[model] = Store(model)
        return store
