import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { paneSize } from "../../volume/cut";
import { PLANES, type Triple } from "../../volume/space";
import { useView } from "../context";
import { WHOLE } from "../view";
import { Pane } from "./Pane";
import type { ShownVolume } from "./shown";

/** Three planes that meet at the crosshair; those of one row have one scale. */
export function Panes(shown: ShownVolume) {
  const { volume, planes, crosshair } = shown.looking;
  // What is in the middle of the enlarged panes, as shares of the volume.
  const focus = useSignal<Triple | null>(null);
  const enlarged = useView().viewport.value.zoom > WHOLE.zoom;
  useLayoutEffect(() => {
    // It stays there while the crosshair is dragged: a pane that followed would slip away under the pointer.
    focus.value = enlarged ? (focus.peek() ?? crosshair) : null;
  }, [enlarged, focus]);
  const sizes = planes.map((plane) => paneSize(volume.full, plane));
  const [axial, coronal, sagittal] = sizes.map(({ width }) => width);
  const heights = sizes.map(({ height }) => height);
  const tallest = Math.max(...heights);
  const style = {
    "--xai-three": axial + coronal + sagittal,
    "--xai-two": Math.max(axial + coronal, sagittal),
    "--xai-one": Math.max(axial, coronal, sagittal),
    "--xai-tallest": tallest,
  };
  return (
    <div class="xai-panes" style={style}>
      {PLANES.map((number) => (
        <Pane
          key={number}
          {...shown}
          number={number}
          size={sizes[number]}
          rooms={[tallest, number < 2 ? Math.max(heights[0], heights[1]) : heights[2]]}
          focus={focus}
        />
      ))}
    </div>
  );
}
