"""The messages between kernel and page; ``js/src/protocol.ts`` describes the same ones.

Settings are synced traits (last one wins). Questions are messages with a `request_id`, and every one is answered:

* page -> kernel: ``hello`` (a page is there, later a view of it), ``run``, ``cancel``; ``probe`` (what if this were
  covered?), ``regions`` (which ones matter, and how much?), ``film`` (the map of every layer); ``pin``, ``unpin``,
  ``arrange`` (the pins' order), ``compare`` (several questions, each pinned); ``photo`` (one of the person's own);
  ``save`` (a file of the numbers), ``freeze`` (leave a picture in the widget's place)
* kernel -> page: ``session`` (picture, classes, methods, layers), ``method`` (the chosen one with its present
  parameters), ``result`` (a map, partial or final), ``error``, ``ack`` (the message arrived), ``superseded`` and
  ``cancelled`` (a run that brings no further result); ``probed``, ``regions``, ``film``, ``saved`` (answers to the
  questions above), ``brush`` (what Python says is covered), ``pinned`` (a map to compare), ``other`` (the same question
  to another model), ``gallery`` (what the pictures are), ``words`` (the page's
  language: the kernel's own texts, and the page's as the text of a module)

Pictures and maps travel as binary buffers beside the message. A volume travels once a session, as uint8, with the
planes in which it is shown, and its map as float32 at its own resolution: the page cuts the slices itself. Answers to
``hello`` bring the present state, once a page, so that a reloaded one shows what it showed, and nothing is computed;
that of a view starts the first run.
"""

from typing import Any, Final, Literal, TypedDict

State = Literal["idle", "queued", "running", "done", "cancelled", "error"]
RequestId = int | str | None

STATES: Final = ("idle", "queued", "running", "done", "cancelled", "error")
CLIENT_KINDS: Final = (
    "hello",
    "run",
    "cancel",
    "probe",
    "regions",
    "film",
    "pin",
    "unpin",
    "arrange",
    "compare",
    "photo",
    "save",
    "freeze",
)
KERNEL_KINDS: Final = (
    "session",
    "method",
    "result",
    "error",
    "ack",
    "superseded",
    "cancelled",
    "probed",
    "regions",
    "brush",
    "film",
    "pinned",
    "other",
    "gallery",
    "saved",
    "words",
)
SETTINGS: Final = ("method", "params", "target", "layer", "active")
TRAITS: Final = (*SETTINGS, "view", "status", "controls", "locale", "auto_run", "auto_runs", "expert", "pins")
CONTROLS: Final = (
    "predictions",
    "method",
    "layer",
    "params",
    "display",
    "cover",
    "predict",
    "compare",
    "photo",
    "save",
)
# Nobody paints over a volume, or photographs one: the page does not offer these where a volume is shown.
FOR_PICTURES: Final = ("cover", "predict", "photo")


class Status(TypedDict):
    """The `status` trait: what the widget is doing."""

    state: State
    request_id: RequestId
    fraction: float
    message: str
    eta_s: float | None


def in_words(seconds: float) -> str:
    """Return a time as people say it.

    Examples
    --------
    >>> [in_words(seconds) for seconds in (0.04, 4.2, 42.4, 600)]
    ['40 ms', '4.2 s', '42 s', '10 min']
    """
    if seconds < 0.0995:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.0f} min"


class ErrorReport(TypedDict):
    """What is shown of an exception."""

    title: str
    hint: str
    traceback: str


def status(
    state: State, request_id: RequestId, *, fraction: float = 0.0, message: str = "", eta_s: float | None = None
) -> Status:
    """Return a status; times are rounded to what a person reads."""
    eta = None if eta_s is None else round(eta_s, 1)
    return {"state": state, "request_id": request_id, "fraction": round(fraction, 4), "message": message, "eta_s": eta}


def error_report(error: BaseException) -> ErrorReport:
    """Return what the widget shows of `error`: what went wrong, what to do, and the traceback for a bug report."""
    import traceback  # noqa: PLC0415 - only needed when something fails

    notes = getattr(error, "__notes__", [])
    ours = isinstance(error, ValueError | TypeError)
    usual = "Change a setting, or run again."
    if not ours:
        usual = "It came out of the model's own forward, or the method's code. Mend that, then run again."
    return {
        "title": str(error) if ours else f"{type(error).__name__}: {error}",
        "hint": " ".join(notes) or f"{usual} The model was not altered.",
        "traceback": "".join(traceback.format_exception(error)),
    }


def ack(of: str, request_id: RequestId, message: str = "") -> dict[str, Any]:
    """Return the answer that says a message arrived."""
    return {"kind": "ack", "request_id": request_id, "of": of, "message": message}
