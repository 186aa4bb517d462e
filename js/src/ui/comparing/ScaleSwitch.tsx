import type { Scales } from "../../comparing/scale";
import { useStore, useText } from "../context";

/** Whether everything that is compared has one scale; where it cannot, it says why. */
export function ScaleSwitch({ scales }: { scales: Scales }) {
  const store = useStore();
  const text = useText();
  const { shared } = store.view.value;
  return (
    <label class="xai-switch" title={scales.mixed ? text.differentUnits : text.oneScaleHelp}>
      <input
        type="checkbox"
        class="xai-check"
        checked={shared && !scales.mixed}
        disabled={scales.mixed}
        onChange={(event) => store.keep({ shared: event.currentTarget.checked })}
      />
      {text.oneScale}
    </label>
  );
}
