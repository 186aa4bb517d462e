import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { createCorrelations } from "../../comparing/correlation";
import type { Pin } from "../../comparing/pins";
import { samePicture } from "../../paint/decode";
import { useStore, useText } from "../context";

const MINUS = "\u2212";

/** How alike the pinned maps are, as a table of numbers; computed when somebody opens it. */
export function Correlations({ pins }: { pins: readonly Pin[] }) {
  const text = useText();
  const open = useSignal(false);
  return (
    <details
      class="xai-details"
      open={open.value}
      onToggle={(event) => {
        open.value = event.currentTarget.open;
      }}
    >
      <summary>{text.rankCorrelation}</summary>
      {open.value && <Matrix pins={pins} />}
    </details>
  );
}

function Matrix({ pins }: { pins: readonly Pin[] }) {
  const correlate = useStore().feature(createCorrelations);
  const text = useText();
  const names = pins.map(({ result }) => {
    const layer = Array.isArray(result.layer) ? result.layer.join(" + ") : result.layer;
    return text.pinName(result.method_label, result.target_label, layer);
  });
  const cell = (one: Pin, other: Pin) => {
    if (!samePicture(one.picture, other.picture)) {
      return <td title={text.otherPicture}>–</td>;
    }
    const value = correlate(one, other);
    if (value === null) {
      return <td title={text.constantMap}>–</td>;
    }
    const tint = value > 0 ? "var(--xai-alike)" : "var(--xai-reverse)";
    const style = { background: `color-mix(in srgb, ${tint} ${Math.round(Math.abs(value) * 45)}%, transparent)` };
    return <td style={style}>{words(value)}</td>;
  };
  return (
    <>
      <p class="xai-help-text">{text.rankCorrelationHelp}</p>
      <div class="xai-matrix-frame">
        <table class="xai-matrix xai-number" aria-label={text.rankCorrelation}>
          <thead>
            <tr>
              <td />
              {pins.map(({ number }, place) => (
                <th key={number} scope="col" title={names[place]}>
                  {place + 1}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {pins.map((one, row) => (
              <tr key={one.number}>
                <th scope="row" title={names[row]}>
                  {`${row + 1} ${names[row]}`}
                </th>
                {pins.map((other) => (
                  <Fragment key={other.number}>{cell(one, other)}</Fragment>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function words(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  return value < 0 && digits !== "0.00" ? `${MINUS}${digits}` : digits;
}
