import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { createPhotos, type PhotoProblem } from "../../comparing/photos";
import type { Strings } from "../../strings";
import { useText, useView } from "../context";

/** The ways to bring an own photo: choose a file, drop one anywhere on the widget, or paste one. */
export function PhotoButton() {
  const { store, root } = useView();
  const text = useText();
  const { busy, problem, bring } = store.feature(createPhotos);
  const input = useRef<HTMLInputElement>(null);
  const over = useSignal(false);
  useEffect(() => {
    const lifetime = new AbortController();
    const { signal } = lifetime;
    const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") ?? false;
    root.addEventListener(
      "dragover",
      (event) => {
        if (hasFiles(event)) {
          event.preventDefault();
          event.stopPropagation();
          over.value = true;
        }
      },
      { signal },
    );
    root.addEventListener(
      "dragleave",
      (event) => {
        over.value = event.relatedTarget instanceof Node && root.contains(event.relatedTarget);
      },
      { signal },
    );
    root.addEventListener(
      "drop",
      (event) => {
        if (hasFiles(event)) {
          event.preventDefault();
          event.stopPropagation();
          over.value = false;
          void bring([...(event.dataTransfer?.files ?? [])]);
        }
      },
      { signal },
    );
    root.addEventListener(
      "paste",
      (event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (files.length > 0) {
          event.preventDefault();
          event.stopPropagation();
          void bring(files);
        }
      },
      { signal },
    );
    return () => lifetime.abort();
  }, [root, over, bring]);
  return (
    <>
      <button
        type="button"
        class="xai-button xai-photo"
        title={text.yourPhotoHelp}
        disabled={busy.value !== ""}
        onClick={() => input.current?.click()}
      >
        {text.yourPhoto}
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        hidden
        onChange={({ currentTarget }) => {
          void bring([...(currentTarget.files ?? [])]);
          // The same file may be chosen again.
          currentTarget.value = "";
        }}
      />
      <span class="xai-help-text" role="status">
        {busy.value === "" ? text.photoHint : text.photoComes(busy.value)}
      </span>
      {problem.value && (
        <p class="xai-photo-problem xai-warning" role="alert">
          {inWords(problem.value, text)}
        </p>
      )}
      {over.value && (
        <div class="xai-drop" aria-hidden="true">
          <span>{text.dropPhoto}</span>
        </div>
      )}
    </>
  );
}

function inWords(problem: PhotoProblem, text: Strings): string {
  if ("said" in problem) {
    return problem.said;
  }
  return problem.kind === "large" ? text.photoTooLarge(problem.name) : text.photoUnreadable(problem.name);
}
