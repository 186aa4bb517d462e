import { useRef } from "preact/hooks";
import { movedTo } from "../../methods";
import { paneSize } from "../../volume/cut";
import { montageSlices, nearestTile } from "../../volume/montage";
import { PLANES, withAxis } from "../../volume/space";
import { useStore, useText } from "../context";
import { MontageTile } from "./MontageTile";
import type { ShownVolume } from "./shown";

/** Slices of one plane, evenly spaced through the volume. */
export function Montage(shown: ShownVolume) {
  const store = useStore();
  const text = useText();
  const grid = useRef<HTMLDivElement>(null);
  const { looking } = shown;
  const { volume, planes, crosshair } = looking;
  const { plane: chosen, tiles } = store.view.value;
  const number = PLANES[chosen] ?? 0;
  const plane = planes[number];
  const slices = montageSlices(volume, number, plane, tiles);
  const current = nearestTile(slices, crosshair[plane.axis]);
  const press = (event: KeyboardEvent) => {
    const next = event.altKey || event.ctrlKey || event.metaKey ? null : movedTo(event.key, current, slices.length);
    if (next !== null) {
      event.preventDefault();
      looking.go(withAxis(crosshair, plane.axis, slices[next]));
      grid.current?.querySelectorAll<HTMLElement>("button")[next]?.focus();
    }
  };
  const { width, height } = paneSize(volume.full, plane);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a grid
    <div
      ref={grid}
      class="xai-montage"
      role="group"
      aria-label={text.montageLabel(text.planes[plane.name])}
      style={{ "--xai-tile": width / height }}
      onKeyDown={press}
    >
      {slices.map((slice, at) => (
        <MontageTile
          key={`${number} ${slice}`}
          {...shown}
          number={number}
          plane={plane}
          slice={slice}
          marked={at === 0}
          current={at === current}
        />
      ))}
    </div>
  );
}
