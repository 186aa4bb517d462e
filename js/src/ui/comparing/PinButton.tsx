import { createPins } from "../../comparing/pins";
import { useStore, useText } from "../context";

/** Keeps the map that is shown. */
export function PinButton() {
  const store = useStore();
  const text = useText();
  const feature = store.feature(createPins);
  const { answer } = store.known.value;
  return (
    <button
      type="button"
      class="xai-button"
      title={text.pinMapHelp}
      disabled={!answer?.result.final}
      onClick={() => feature.pin()}
    >
      {text.pinMap}
    </button>
  );
}
