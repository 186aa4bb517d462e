import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { createPins } from "../../comparing/pins";
import { scalesOf } from "../../comparing/scale";
import type { Session } from "../../paint/decode";
import { useStore, useText } from "../context";
import { Section } from "../Section";
import { CompareForm } from "./CompareForm";
import { Correlations } from "./Correlations";
import { Others } from "./Others";
import { PinButton } from "./PinButton";
import { PinTile } from "./PinTile";
import { ScaleSwitch } from "./ScaleSwitch";

/** What is compared, side by side: other models' answers, and maps that were pinned. */
export function Pins({ session }: { session: Session }) {
  const store = useStore();
  const { controls, expert } = store.settings;
  const feature = store.feature(createPins);
  const pins = feature.pins.value;
  const allowed = controls.value === null || controls.value.includes("compare");
  if (!allowed || !expert.value) {
    return null;
  }
  return (
    <div class="xai-comparing">
      <Others session={session} />
      {(store.live || pins.length > 0) && <Pinned session={session} />}
    </div>
  );
}

function Pinned({ session }: { session: Session }) {
  const store = useStore();
  const text = useText();
  const feature = store.feature(createPins);
  const pins = feature.pins.value;
  const view = store.view.value;
  const scales = useMemo(
    () =>
      scalesOf(
        pins.map(({ result }) => result),
        view,
      ),
    [pins, view],
  );
  const several = useSignal(false);
  const action = (
    <div class="xai-row">
      {pins.length > 1 && <ScaleSwitch scales={scales} />}
      {store.live && pins.length > 0 && (
        <button type="button" class="xai-link" onClick={() => feature.unpin(null)}>
          {text.unpinAll}
        </button>
      )}
      {store.live && (
        <button
          type="button"
          class="xai-button"
          aria-expanded={several.value}
          onClick={() => {
            several.value = !several.value;
          }}
        >
          {text.compareSeveral}
        </button>
      )}
      {store.live && <PinButton />}
    </div>
  );
  return (
    <Section title={text.pinnedMaps(pins.length)} action={action} class="xai-pins">
      {several.value && (
        <CompareForm
          session={session}
          feature={feature}
          onDone={() => {
            several.value = false;
          }}
        />
      )}
      {feature.refusal.value && (
        <p class="xai-warning" role="alert">
          {feature.refusal.value}
        </p>
      )}
      {pins.length === 0 && <p class="xai-help-text">{text.nothingPinned}</p>}
      {pins.length > 0 && (
        <ul class="xai-tiles" aria-label={text.pinnedMaps(pins.length)}>
          {pins.map((pin, place) => (
            <PinTile
              key={pin.number}
              pin={pin}
              top={scales.tops[place]}
              session={session}
              first={place === 0}
              last={place === pins.length - 1}
              feature={feature}
            />
          ))}
        </ul>
      )}
      {pins.length > 1 && !scales.shared && (
        <p class="xai-help-text">{scales.mixed ? text.differentUnits : text.ownScales}</p>
      )}
      {pins.length > 1 && <Correlations pins={pins} />}
    </Section>
  );
}
