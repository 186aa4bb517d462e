import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Session } from "../../paint/decode";
import { useText } from "../context";
import { CodePart } from "./CodePart";
import { NotebookPart } from "./NotebookPart";
import { NumbersPart } from "./NumbersPart";
import { PicturePart } from "./PicturePart";

/** A button with everything that can be taken away. It opens by a press and closes by Escape, or by going elsewhere. */
export function SaveMenu({ session }: { session: Session }) {
  const text = useText();
  const open = useSignal(false);
  const news = useSignal("");
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useId();
  const shown = open.value;

  useEffect(() => {
    if (!shown) {
      return;
    }
    const lifetime = new AbortController();
    // Seen from the document, everything inside a shadow root (as in marimo) is its host: the path tells more.
    const leave = (event: Event) => {
      if (root.current !== null && !event.composedPath().includes(root.current)) {
        open.value = false;
      }
    };
    for (const event of ["pointerdown", "focusin"]) {
      document.addEventListener(event, leave, { capture: true, signal: lifetime.signal });
    }
    return () => lifetime.abort();
  }, [shown, open]);

  const toggle = () => {
    news.value = "";
    open.value = !shown;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && shown) {
      // The host would leave the cell, or the browser the full screen.
      event.stopPropagation();
      event.preventDefault();
      open.value = false;
      button.current?.focus();
    }
  };
  const tell = (words: string) => {
    news.value = words;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape closes the panel from wherever the focus is in it
    <div class="xai-menu" ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        class="xai-button"
        ref={button}
        title={text.saveTitle}
        aria-haspopup="dialog"
        aria-expanded={shown}
        aria-controls={panel}
        onClick={toggle}
      >
        {text.save}
        <span class="xai-chevron" aria-hidden="true" />
      </button>
      <div class="xai-menu-panel" id={panel} role="dialog" aria-label={text.saveTitle} hidden={!shown}>
        {shown && (
          <>
            <PicturePart session={session} tell={tell} />
            <NumbersPart tell={tell} />
            <CodePart session={session} tell={tell} />
            <NotebookPart tell={tell} />
          </>
        )}
        <p class="xai-menu-news" role="status" aria-live="polite">
          {news.value}
        </p>
      </div>
    </div>
  );
}
