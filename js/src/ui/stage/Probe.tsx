import type { ReadonlySignal } from "@preact/signals";
import { formatValue } from "../../format";
import type { Result, Session } from "../../paint/decode";
import { sampleAt } from "../../paint/resample";
import { useStore, useText } from "../context";
import type { Probe } from "../view";

interface Props {
  session: Session;
  probe: ReadonlySignal<Probe | null>;
}

/** Two thin lines over the picture; not painted into it, so that the picture stays exact. */
export function Crosshair({ session, probe }: Props) {
  const at = probe.value;
  if (at === null) {
    return null;
  }
  const left = `${((at.x + 0.5) / session.width) * 100}%`;
  const top = `${((at.y + 0.5) / session.height) * 100}%`;
  return (
    <div class="xai-crosshair" aria-hidden="true">
      <span class="xai-crosshair-x" style={{ left }} />
      <span class="xai-crosshair-y" style={{ top }} />
    </div>
  );
}

export function probedValue(session: Session, result: Result | null, at: Probe | null, cells: boolean): number | null {
  return result === null || at === null ? null : sampleAt(result, session.height, session.width, cells, at.x, at.y);
}

/** The pixel and its value in words. */
export function Readout({ session, result, probe }: Props & { result: Result | null }) {
  const { view } = useStore();
  const text = useText();
  const at = probe.value;
  const value = probedValue(session, result, at, view.value.cells);
  return (
    <output class="xai-readout" aria-live={at?.spoken ? "polite" : "off"}>
      {at === null ? (
        <span class="xai-quiet">{text.pointHint}</span>
      ) : (
        <>
          <span class="xai-number">{text.pixel(at.x, at.y)}</span>{" "}
          {value !== null && <strong class="xai-number">{formatValue(value)}</strong>}
        </>
      )}
    </output>
  );
}
