import { runsByItself } from "../../methods";
import type { MethodPayload } from "../../protocol";
import { Check } from "../Check";
import { useStore, useText } from "../context";

/** Whether the method answers as soon as something is changed, or waits for Run. */
export function AutoRun({ method }: { method: MethodPayload }) {
  const store = useStore();
  const text = useText();
  const said = store.settings.auto_runs.value;
  if (!store.live || !store.settings.auto_run.value || method.refusal !== null) {
    return null;
  }
  const auto = runsByItself(method, said);
  return (
    <div class="xai-row">
      <Check
        label={text.autoRun}
        help={text.autoRunHelp}
        on={auto}
        onChange={(on) => store.change({ auto_runs: { ...said, [method.id]: on } })}
      />
      {!auto && <span class="xai-help-text">{text.waitsForRun}</span>}
    </div>
  );
}
