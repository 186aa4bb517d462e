import type { Session } from "../../paint/decode";
import { useStore, useText } from "../context";
import { SaveMenu } from "./SaveMenu";

/** How much is shown, and what can be taken away. */
export function Actions({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const controls = store.settings.controls.value;
  const expert = store.settings.expert.value;
  const levels = [
    { label: text.simple, help: text.simpleHelp, is: false },
    { label: text.expert, help: text.expertHelp, is: true },
  ];
  return (
    <div class="xai-actions">
      {controls === null && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line
        <div class="xai-segments" role="group" aria-label={text.detail}>
          {levels.map(({ label, help, is }) => (
            <button
              key={label}
              type="button"
              class="xai-segment"
              aria-pressed={expert === is}
              title={help}
              onClick={() => expert !== is && store.change({ expert: is })}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      {(controls === null || controls.includes("save")) && <SaveMenu session={session} />}
    </div>
  );
}
