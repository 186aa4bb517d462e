import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { useText, useView } from "./context";

/** A kernel that is free answers Cancel sooner than this. */
const PROMPT_MS = 600;

/** What is going on, how long it still takes, and how to stop or start it. */
export function StatusBar({ children }: { children?: ComponentChildren }) {
  const { store, shown } = useView();
  const text = useText();
  const { session, status, answer, remark } = store.known.value;
  const state = shown.value;
  const busy = state === "queued" || state === "running";
  const runnable = session !== null && !busy && (!store.settings.auto_run.value || state !== "done");
  const stopping = useSignal(false);
  const kernelIsBusy = useSignal(false);
  useEffect(() => {
    stopping.value = false;
    kernelIsBusy.value = false;
  }, [busy, status.request_id, stopping, kernelIsBusy]);
  const { value: waits } = stopping;
  useEffect(() => {
    if (!waits) {
      return;
    }
    const timer = setTimeout(() => {
      kernelIsBusy.value = true;
    }, PROMPT_MS);
    return () => clearTimeout(timer);
  }, [waits, kernelIsBusy]);

  const finished = state === "done" && answer !== null ? answer.result : null;
  const progress = [
    state === "running" && !remark ? status.message : "",
    state === "running" && status.eta_s !== null ? text.timeLeft(status.eta_s) : "",
  ];
  const outcome = finished && [
    text.duration(finished.seconds),
    finished.forwards > 0 ? text.evaluations(finished.forwards) : "",
  ];
  const details = (outcome ?? progress).filter(Boolean);
  // Progress would be read aloud ten times a second: only the state, and what ends it, is announced.
  const spoken = [
    session === null ? text.connecting : (state === "error" && status.message) || text.states[state],
    state === "cancelled" || state === "idle" ? status.message : "",
  ];
  return (
    <div class="xai-status" data-busy={busy}>
      <span class="xai-dot" aria-hidden="true" />
      <p class="xai-status-text">
        <span role="status" aria-live="polite">
          <strong>{spoken[0]}</strong>
          {spoken[1] && spoken[1] !== spoken[0] && <span class="xai-quiet"> {spoken[1]}</span>}
          {remark && <span class="xai-quiet"> {remark}</span>}
          {kernelIsBusy.value && !remark && <span class="xai-quiet"> {text.stopsLater}</span>}
        </span>
        {details.length > 0 && <span class="xai-quiet xai-number"> · {details.join(" · ")}</span>}
      </p>
      {busy && (
        <button
          type="button"
          class="xai-button"
          disabled={stopping.value}
          onClick={() => {
            stopping.value = true;
            store.send("cancel");
          }}
        >
          {stopping.value ? text.stopping : text.cancel}
        </button>
      )}
      {runnable && (
        <button type="button" class="xai-button xai-primary" onClick={() => store.send("run")}>
          {text.run}
        </button>
      )}
      {busy && (
        <progress
          class="xai-progress"
          aria-label={text.progress}
          max={1}
          value={state === "queued" || status.fraction <= 0 ? undefined : status.fraction}
        />
      )}
      {children}
      {store.silent.value && <p class="xai-silent">{text.silent}</p>}
    </div>
  );
}
