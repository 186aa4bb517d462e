import type { ReadonlySignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { formatTicks, formatValue } from "../../format";
import type { Result, Session } from "../../paint/decode";
import { barPixels, barPosition, legend, ticks } from "../../paint/scale";
import { topOf } from "../../paint/top";
import { useStore, useText } from "../context";
import type { Probe } from "../view";
import { probedValue } from "./Probe";

const LENGTH = 512;

interface Props {
  result: Result | null;
  session: Session;
  probe: ReadonlySignal<Probe | null>;
}

/** What the colours mean, in the method's own numbers. */
export function ColourBar({ result, session, probe }: Props) {
  const view = useStore().view.value;
  const text = useText();
  const canvas = useRef<HTMLCanvasElement>(null);
  const signed = result?.signed ?? false;
  const shown = result !== null;
  const top = useMemo(() => (result === null ? 0 : topOf(result, view)), [result, view]);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    const image = context?.createImageData(LENGTH, 1);
    if (shown && context && image) {
      image.data.set(barPixels(LENGTH, signed, view));
      context.putImageData(image, 0, 0);
    }
    // `shown` counts: with the first result the canvas appears, and it appears empty.
  }, [shown, signed, view]);
  if (result === null) {
    return null;
  }
  const [low, high] = legend(top, signed);
  const value = probedValue(session, result, probe.value, view.cells);
  const percent = (at: number) => `${barPosition(at, top, signed) * 100}%`;
  const numbers = ticks(top, signed);
  const words = formatTicks(numbers);
  return (
    <div class="xai-bar" data-off={view.mode === "image"}>
      <div class="xai-bar-track">
        <canvas
          ref={canvas}
          class="xai-bar-canvas"
          width={LENGTH}
          height={1}
          role="img"
          aria-label={`${text.colourBar}: ${formatValue(low)} … ${formatValue(high)}`}
        />
        {value !== null && <span class="xai-bar-marker" style={{ left: percent(value) }} aria-hidden="true" />}
      </div>
      <div class="xai-ticks" aria-hidden="true">
        {numbers.map((tick, place) => (
          <span key={tick} class="xai-tick xai-number" style={{ left: percent(tick) }} data-edge={edge(place, numbers)}>
            {words[place]}
          </span>
        ))}
      </div>
    </div>
  );
}

/** The outermost numbers stay within the bar; a lone zero stands where zero is. */
function edge(place: number, numbers: readonly number[]): "start" | "end" | undefined {
  if (place === 0) {
    return "start";
  }
  return place === numbers.length - 1 ? "end" : undefined;
}
