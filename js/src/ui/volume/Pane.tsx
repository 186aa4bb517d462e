import type { Signal } from "@preact/signals";
import { placeOf } from "../../volume/place";
import { goesUp, type PlaneNumber, shareOf, type Triple, withAxis } from "../../volume/space";
import { useText, useView } from "../context";
import { clamp, frameShare, reveal } from "../stage/viewport";
import { Marks } from "./Marks";
import { PaneCanvas } from "./PaneCanvas";
import { sliceInWords } from "./reading";
import type { ShownVolume } from "./shown";

interface Props extends ShownVolume {
  number: PlaneNumber;
  size: { width: number; height: number };
  /** The height of the row it stands in: three in a row, two in a row. */
  rooms: readonly [number, number];
  focus: Signal<Triple | null>;
}

/** One plane with its crosshair, the marks at its edges, and the slider through its slices. */
export function Pane(props: Props) {
  const { looking, number, size, rooms, focus, dimmed } = props;
  const { viewport } = useView();
  const text = useText();
  const { volume, planes, crosshair } = looking;
  const plane = planes[number];
  const name = text.planes[plane.name];
  const last = volume.full[plane.axis] - 1;
  const share = shareOf(crosshair, plane, volume.full);
  const { zoom } = viewport.value;
  const middle = focus.value === null ? share : shareOf(focus.value, plane, volume.full);
  // An enlarged pane moves as little as it takes to show the crosshair.
  const looked = reveal(clamp({ zoom, ...middle }), share);
  const { x, y } = frameShare(looked, share);
  const step = (value: number) => withAxis(crosshair, plane.axis, value);
  return (
    <div
      class="xai-pane"
      data-plane={plane.name}
      style={{ "--xai-w": size.width, "--xai-h3": rooms[0], "--xai-h2": rooms[1], "--xai-h1": size.height }}
    >
      <div class="xai-pane-head">
        <strong>{name}</strong>
        <span class="xai-number xai-quiet">{placeOf(volume.affine, number, crosshair)}</span>
      </div>
      <div class="xai-pane-frame" data-dimmed={dimmed}>
        <div class="xai-pane-picture" style={{ aspectRatio: `${size.width} / ${size.height}` }}>
          <PaneCanvas {...props} plane={plane} name={name} looked={looked} />
          <div class="xai-crosshair" aria-hidden="true" style={{ "--xai-x": `${x * 100}%`, "--xai-y": `${y * 100}%` }}>
            <span class="xai-crosshair-x" style={{ left: `${x * 100}%` }} />
            <span class="xai-crosshair-y" style={{ top: `${y * 100}%` }} />
          </div>
        </div>
        <Marks plane={plane} />
      </div>
      <div class="xai-pane-slice">
        <input
          type="range"
          class="xai-range"
          // To the right is up, to the front or to the patient's right, however that is stored.
          dir={goesUp(number, plane.axis, volume.affine) ? "ltr" : "rtl"}
          aria-label={text.sliceOf(name)}
          aria-valuetext={sliceInWords(volume, number, crosshair, text)}
          min={0}
          max={last}
          step={1}
          value={crosshair[plane.axis]}
          onInput={(event) => looking.move(step(event.currentTarget.valueAsNumber))}
          onChange={(event) => looking.go(step(event.currentTarget.valueAsNumber))}
        />
        <span class="xai-number xai-value">{crosshair[plane.axis]}</span>
      </div>
    </div>
  );
}
