import { runsByItself } from "../../methods";
import type { MethodPayload } from "../../protocol";
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
    <label class="xai-switch" title={text.autoRunHelp}>
      <input
        type="checkbox"
        class="xai-check"
        checked={auto}
        onChange={(event) => store.change({ auto_runs: { ...said, [method.id]: event.currentTarget.checked } })}
      />
      <span>{text.autoRun}</span>
      {!auto && <span class="xai-quiet">{text.waitsForRun}</span>}
    </label>
  );
}
