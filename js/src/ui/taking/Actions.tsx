import type { Session } from "../../paint/decode";
import { useStore, useText } from "../context";
import { Segments } from "../Segments";
import { SaveMenu } from "./SaveMenu";

/** How much is shown, and what can be taken away. */
export function Actions({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const controls = store.settings.controls.value;
  const expert = store.settings.expert.value;
  const levels = {
    simple: { label: text.simple, help: text.simpleHelp },
    expert: { label: text.expert, help: text.expertHelp },
  };
  return (
    <div class="xai-actions">
      {controls === null && (
        <Segments
          label={text.detail}
          names={["simple", "expert"] as const}
          word={(level) => levels[level].label}
          help={(level) => levels[level].help}
          chosen={expert ? "expert" : "simple"}
          onChoose={(level) => (level === "expert") !== expert && store.change({ expert: !expert })}
        />
      )}
      {(controls === null || controls.includes("save")) && <SaveMenu session={session} />}
    </div>
  );
}
