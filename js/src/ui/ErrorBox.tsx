import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { ErrorPayload } from "../protocol";
import type { Strings } from "../strings";
import { copyText } from "../taking/download";

/** What went wrong, what to do, and the details for a report. */
export function ErrorBox({ error, text }: { error: ErrorPayload; text: Strings }) {
  const trace = useRef<HTMLPreElement>(null);
  const copied = useSignal(false);
  const copy = async () => {
    copied.value = await copyText(error.traceback, trace.current ?? document.body);
  };
  return (
    <div class="xai-error" role="alert">
      <strong class="xai-error-title">{error.title || text.failed}</strong>
      {error.hint && <p>{error.hint}</p>}
      {error.traceback && (
        <details class="xai-details">
          <summary>{text.details}</summary>
          {/* A place to be scrolled must be reached by those who have no mouse. */}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: said above */}
          <pre class="xai-trace" ref={trace} tabIndex={0}>
            {error.traceback}
          </pre>
          <button type="button" class="xai-button" onClick={copy}>
            {copied.value ? text.copied : text.copy}
          </button>
        </details>
      )}
    </div>
  );
}
