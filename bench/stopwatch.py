"""Stopwatch: times that a page takes of itself, so that the time of whoever drives it does not count.

From the hand (a key, a click, a choice) to what the person sees: every change of a widget's state, and the frame after
the one in which a state is painted. The kernel's messages are marked as they come and go, which tells where the time
between goes.
"""

# ruff: noqa: T201 - part of scripts, which talk to the person who runs them

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.browser.lab import Lab

PATIENCE_MS: Final = 60_000

# Marks kernel messages and paintings of the picture. It must be there before the page opens its sockets.
WIRE: Final = """(() => {
  window.wireMarks = [];
  const reader = new TextDecoder();
  const note = (way, data) => {
    const buffer = data.buffer ?? data;
    if (!(buffer instanceof ArrayBuffer)) return;
    const view = new DataView(buffer, data.byteOffset ?? 0, data.byteLength);
    const part = (place, most) => {
      const [start, end] = [0, 1].map((step) => Number(view.getBigUint64(8 * (place + 1 + step), true)));
      return reader.decode(new Uint8Array(buffer, view.byteOffset + start, Math.min(end - start, most)));
    };
    try {
      const type = JSON.parse(part(1, 1e6)).msg_type;
      let words = "";
      if (type.startsWith("comm")) {
        const text = part(4, 2000);
        const [, kind] = /"kind": ?"(\\w+)"/.exec(text) ?? /"state": ?{"(\\w+)"/.exec(text) ?? [];
        words = ` ${kind ?? ""}`;
        if (kind === "result") words += `#${/"request_id": ?"?([\\w-]+)/.exec(text)?.[1]}`;
      } else if (type === "status") {
        words = " " + (/"execution_state": ?"(\\w+)"/.exec(part(4, 200))?.[1] ?? "");
      }
      window.wireMarks.push([way + type + words, performance.now(), data.byteLength]);
    } catch {
      window.wireMarks.push([way + "?", performance.now(), data.byteLength]);
    }
  };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => note("< ", data));
    }
    send(data) {
      note("> ", data);
      super.send(data);
    }
  };
  const paint = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...given) {
    paint.apply(this, given);
    if (this.canvas.classList.contains("xai-canvas")) {
      window.wireMarks.push(["paint", performance.now(), 0]);
      window.stopwatch?.look?.();
    }
  };
})();"""

# Waits from the hand on for a state of another request than before (or the same one, if that may be); the hand may move
# before somebody waits. Times in milliseconds from the hand on.
WATCH: Final = """() => {
  const watch = { from: 0, frames: [] };
  window.stopwatch = watch;
  const start = () => {
    if (watch.armed) {
      watch.armed = false;
      watch.from = performance.now();
      window.wireMarks.length = 0;
    }
  };
  document.addEventListener("keydown", (event) => event.shiftKey && event.key === "Enter" && start(), true);
  for (const kind of ["click", "change"]) {
    document.addEventListener(kind, (event) => event.target.closest?.(".xai-widget") && start(), true);
  }
  watch.arm = ({ place, states, before, old }) => {
    watch.from = 0;
    watch.armed = true;
    const seen = [];
    const passed = document.querySelectorAll(".xai-widget")[place];
    watch.time = new Promise((finished) => {
      const look = () => {
        const root = document.querySelectorAll(".xai-widget")[place];
        if (watch.from === 0 || !root || (old && root === passed)) return;
        const { state, request } = root.dataset;
        const at = performance.now() - watch.from;
        if (seen.at(-1)?.state !== state || seen.at(-1)?.request !== request) seen.push({ state, request, at });
        const marks = window.wireMarks;
        const came = marks.findIndex(([name]) => name === `< comm_msg result#${request}`);
        const mapped = came >= 0 && marks.slice(came).some(([name]) => name === "paint");
        if (request !== before && (states.includes(state) || (mapped && states.includes("map")))) {
          watch.look = undefined;
          observer.disconnect();
          // A state is set in the frame that paints it; it is on the screen when the next one begins.
          requestAnimationFrame(() => {
            const shown = performance.now() - watch.from;
            finished({ at, shown, seen, marks: marks.map(([name, time, size]) => [name, time - watch.from, size]) });
          });
        }
      };
      watch.look = look;
      const observer = new MutationObserver(look);
      const attributeFilter = ["data-state", "data-request"];
      observer.observe(document, { subtree: true, childList: old, attributes: true, attributeFilter });
    });
  };
  const tick = (now) => { watch.frames.push(now); requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""


@dataclass(frozen=True)
class Times:
    """Some times in milliseconds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        """The smallest that 95 in 100 do not exceed."""
        return sorted(self.values)[math.ceil(0.95 * len(self.values)) - 1]

    def __str__(self) -> str:
        return f"{self.median:.0f} ms (p95 {self.p95:.0f}, n {len(self.values)})"

    def as_json(self) -> dict[str, Any]:
        """Return what a table needs."""
        values = [round(value, 1) for value in self.values]
        return {"median_ms": round(self.median, 1), "p95_ms": round(self.p95, 1), "ms": values}


@dataclass(frozen=True)
class Lap:
    """What one movement of the hand led to, in milliseconds.

    Attributes
    ----------
    at : float
        The state was reached.
    shown : float
        What it stands for is on the screen.
    seen : list of dict
        Every state on the way, with its request.
    marks : list of name, time, bytes
        The kernel's messages on the way.
    """

    at: float
    shown: float
    seen: list[dict[str, Any]]
    marks: list[tuple[str, float, int]]


class Stopwatch:
    """Takes times on a page.

    Parameters
    ----------
    lab : Lab
        Not opened yet.
    """

    def __init__(self, lab: Lab) -> None:
        self._page = lab.page
        self._page.add_init_script(WIRE)

    def start(self) -> None:
        """Begin to watch; the notebook is there."""
        self._page.evaluate(WATCH)

    def lap(
        self, act: Callable[[], Any], place: int = 0, *states: str, before: str = "", replaced: bool = False
    ) -> Lap:
        """Move the hand and wait for a state of the widget.

        Parameters
        ----------
        act : callable
            Moves the hand.
        place : int
            Of the widget on the page.
        *states : str
            Any of these; none: done. "map" is that a map of the request is painted, partial or final.
        before : str
            The request whose states do not count.
        replaced : bool
            Whether the widget that is there now does not count.
        """
        given = {"place": place, "states": states or ("done",), "before": before, "old": replaced}
        self._page.evaluate("given => window.stopwatch.arm(given)", given)
        act()
        found = self._page.evaluate(f"""() => Promise.race([window.stopwatch.time, new Promise((_, fail) =>
            setTimeout(() => fail(new Error("The state never came.")), {PATIENCE_MS}))])""")
        return Lap(**found)

    def frames(self, act: Callable[[], Any]) -> Times:
        """Return the times between the frames while the hand moves."""
        self._page.evaluate("() => { window.stopwatch.frames = []; }")
        act()
        return Times(tuple(gaps(self._page.evaluate("() => window.stopwatch.frames"))))


def gaps(times: Sequence[float]) -> list[float]:
    """Return what lies between neighbours."""
    return [later - earlier for earlier, later in pairwise(times)]


def tell(title: str, laps: list[Lap]) -> None:
    """Print where the time of the lap in the middle went."""
    lap = sorted(laps, key=lambda each: each.shown)[len(laps) // 2]
    print(f"\n{title}: {lap.shown:.0f} ms")
    for state in lap.seen:
        print(f"  {state['at']:7.0f} state {state['state']}, request {state['request']}")
    for name, at, size in lap.marks:
        print(f"  {at:7.0f} {name} {size}")
