import type { PlanePayload } from "../../protocol";
import { placeOf } from "../../volume/place";
import { type PlaneNumber, shareOf, voxelAt, withAxis } from "../../volume/space";
import { useText, useView } from "../context";
import { shareAt } from "../stage/pointing";
import { createTurns } from "../stage/turns";
import { Marks } from "./Marks";
import { sliceInWords } from "./reading";
import type { ShownVolume } from "./shown";
import { useSlice } from "./slice";

interface Props extends ShownVolume {
  number: PlaneNumber;
  plane: PlanePayload;
  slice: number;
  /** Whether it shows which side is which, for all of them. */
  marked: boolean;
  /** Whether the crosshair is nearest to it. */
  current: boolean;
}

/** One slice of the montage: press it to move the crosshair there. */
export function MontageTile(props: Props) {
  const { looking, dimmed, number, plane, slice, marked, current } = props;
  const { store } = useView();
  const text = useText();
  const { volume, crosshair, pointed } = looking;
  const { full } = volume;
  const here = withAxis(crosshair, plane.axis, slice);
  const canvas = useSlice(props, plane, here, { turns: store.feature(createTurns) });
  const under = (event: MouseEvent) =>
    canvas.current === null ? here : voxelAt(shareAt(event, canvas.current), plane, full, here);
  const { x, y } = shareOf(crosshair, plane, full);
  return (
    <button
      type="button"
      class="xai-montage-tile"
      aria-current={current}
      aria-label={`${text.planes[plane.name]}: ${sliceInWords(volume, number, here, text)}`}
      title={text.tileHelp}
      tabIndex={current ? 0 : -1}
      data-dimmed={dimmed}
      // The keyboard presses no place of the tile: what is across the slice stays.
      onClick={(event) => looking.go(event.detail === 0 ? here : under(event))}
      onDblClick={() => {
        pointed.value = null;
        store.keep({ layout: "panes" });
      }}
      onPointerMove={(event) => {
        if (event.pointerType === "mouse") {
          pointed.value = under(event);
        }
      }}
      onPointerLeave={() => {
        pointed.value = null;
      }}
    >
      <span class="xai-montage-frame">
        <canvas ref={canvas} class="xai-canvas" />
        {current && (
          <span class="xai-crosshair" aria-hidden="true">
            <span class="xai-crosshair-x" style={{ left: `${x * 100}%` }} />
            <span class="xai-crosshair-y" style={{ top: `${y * 100}%` }} />
          </span>
        )}
        {marked && <Marks plane={plane} />}
      </span>
      <span class="xai-montage-name xai-number">{placeOf(volume.affine, number, here) || slice}</span>
    </button>
  );
}
