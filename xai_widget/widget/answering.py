"""Answering: the widget's answers, as Python asks for them."""

from xai_widget.attribution import Attribution
from xai_widget.widget.asking import Wish
from xai_widget.widget.jobs import POLL_SECONDS, Job
from xai_widget.widget.line import Line


class Answering(Line):
    """The part of the widget that explains and remembers."""

    def explain(self) -> Attribution:
        """Return the attribution for the current settings; blocks, and Kernel > Interrupt stops it.

        Raises
        ------
        Exception
            Whatever the run raised.
        RuntimeError
            The run was cancelled in the page, or superseded.
        """
        self._awake = True
        wish = self.wish()
        if (found := self._shown(wish)) is not None:
            return found
        self._finish(self.asker.ask(wish), "The run was {} before it was complete; call explain() again.")
        return self.asker.finished[wish.key]

    @property
    def attribution(self) -> Attribution | None:
        """The final attribution for the current settings, or None while there is none."""
        return self.asker.finished.get(self.wish().key)

    @property
    def attributions(self) -> list[Attribution]:
        """The final attributions so far, the one asked for last at the end."""
        return list(self.asker.finished.values())

    @property
    def predictions(self) -> list[tuple[int, str, float]]:
        """(index, label, probability) of every class, best first."""
        return self.session.predictions()

    def cancel(self) -> None:
        """Stop the run, if there is one."""
        self.asker.cancel()

    def refresh(self) -> None:
        """Measure the model anew and forget every result, for changes that a look at the weights cannot notice."""
        for index, session in enumerate(self.sessions):
            session.refresh(force=True)
            for service in self.services:
                service.changed(index)
        self.asker.forget()
        self._send_session(None)
        if self._awake:
            self._start()

    def _finish(self, job: Job, otherwise: str) -> None:
        """Wait for a job to be done; Kernel > Interrupt cancels it. `otherwise` is said of one that was stopped."""
        try:
            while not job.ended.wait(POLL_SECONDS):
                pass
        except KeyboardInterrupt:
            self.asker.cancel()
            raise
        if job.error is not None:
            raise job.error
        if job.outcome != "done":
            raise RuntimeError(otherwise.format(job.outcome))

    def _shown(self, wish: Wish) -> Attribution | None:
        """Return the result of an equal wish that is on show, unless the model has changed since."""
        if self.session.refresh():
            self.asker.changed(self.active)
        found, latest = self.asker.finished.get(wish.key), self.asker.latest
        return found if latest is not None and latest[1] is found else None
