import { createRegions } from "../../doing/regions";
import { useStore, useText } from "../context";

/** Why no regions are seen, while there are none. */
export function RegionsNote() {
  const store = useStore();
  const text = useText();
  const { current, refusal } = store.feature(createRegions);
  const { answer } = store.known.value;
  const found = current.value;
  if (answer === null || (found !== null && found.regions.length > 0)) {
    return null;
  }
  let words = text.measuringRegions;
  if (!answer.result.final) {
    words = text.regionsLater;
  } else if (found !== null) {
    words = text.nothingStandsOut;
  } else if (refusal.value !== "") {
    words = text.regionsRefused(refusal.value);
  }
  return (
    <p class="xai-help-text" role="status">
      {words}
    </p>
  );
}
