import type { Scales } from "../../comparing/scale";
import { Check } from "../Check";
import { useStore, useText } from "../context";

/** Whether everything that is compared has one scale; where it cannot, it says why. */
export function ScaleSwitch({ scales }: { scales: Scales }) {
  const store = useStore();
  const text = useText();
  const { shared } = store.view.value;
  return (
    <Check
      label={text.oneScale}
      help={scales.mixed ? text.differentUnits : text.oneScaleHelp}
      on={shared && !scales.mixed}
      off={scales.mixed}
      onChange={(on) => store.keep({ shared: on })}
    />
  );
}
