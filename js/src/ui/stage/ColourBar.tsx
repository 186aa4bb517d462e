import { useMemo } from "preact/hooks";
import { formatValue } from "../../format";
import type { Result } from "../../paint/decode";
import { topOf } from "../../paint/painter";
import { barPosition, legend, ticks, tickWords } from "../../paint/scale";
import { beyond } from "../../paint/top";
import { useStore, useText } from "../context";
import { Ramp } from "./Ramp";
import type { Reading } from "./reading";
import { matters } from "./settings";

interface Props {
  result: Result | null;
  /** What is pointed at. */
  read(): Reading | null;
}

/** What the colours mean, in the method's own numbers. */
export function ColourBar({ result, read }: Props) {
  const view = useStore().view.value;
  const text = useText();
  const signed = result?.signed ?? false;
  const { clip } = view;
  // Of all settings, only the clip changes the scale.
  const top = useMemo(() => (result === null ? 0 : topOf(result, view)), [result, clip]);
  const ends = useMemo(() => (result === null ? ([false, false] as const) : beyond(result, top)), [result, top]);
  if (result === null || !matters(view)("colormap")) {
    return null;
  }
  const position = (value: number) => barPosition(value, top, signed);
  const reading = read();
  const numbers = ticks(top, signed);
  const words = tickWords(numbers, ends);
  const { unit } = result;
  const [low, high] = legend(top, signed);
  const label = [`${text.colourBar}: ${formatValue(low)} … ${formatValue(high)}`, unit].filter(Boolean).join(", ");
  return (
    <div class="xai-bar">
      <div class="xai-bar-track">
        <Ramp signed={signed} view={view} label={label} />
        {reading && <Marker reading={reading} position={position} />}
      </div>
      <div class="xai-ticks" aria-hidden="true">
        {numbers.map((tick, place) => (
          <span
            key={tick}
            class="xai-tick xai-number"
            style={{ left: `${position(tick) * 100}%` }}
            data-edge={edge(place, numbers)}
          >
            {words[place]}
          </span>
        ))}
      </div>
      {unit && <span class="xai-unit">{unit}</span>}
    </div>
  );
}

/** Where the value that is pointed at lies, and how far it may be off. */
function Marker({ reading, position }: { reading: Reading; position(value: number): number }) {
  const { value, error } = reading;
  const from = position(value - (error ?? 0));
  const to = position(value + (error ?? 0));
  return (
    <>
      {error !== null && (
        <span
          class="xai-bar-error"
          style={{ left: `${from * 100}%`, width: `${(to - from) * 100}%` }}
          aria-hidden="true"
        />
      )}
      <span class="xai-bar-marker" style={{ left: `${position(value) * 100}%` }} aria-hidden="true" />
    </>
  );
}

/** The outermost numbers stay within the bar; a lone zero stands where zero is. */
function edge(place: number, numbers: readonly number[]): "start" | "end" | undefined {
  if (place === 0) {
    return "start";
  }
  return place === numbers.length - 1 ? "end" : undefined;
}
