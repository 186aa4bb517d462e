import { useText } from "../context";

/** What drawing is for, and behind a question mark how it goes by keyboard. */
export function PaperHint({ text: hint }: { text: string }) {
  const text = useText();
  return (
    <p class="xai-help-text xai-paper-hint">
      {hint}{" "}
      <button type="button" class="xai-help" aria-label={text.paperHelp} data-help={text.paperHelp}>
        ?
      </button>
    </p>
  );
}
