import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Result } from "../../paint/decode";
import type { PlanePayload } from "../../protocol";
import type { Answer } from "../../reducer";
import { solidOn } from "../../volume/box";
import { cutMap, cutPicture } from "../../volume/cut";
import { type PlaneNumber, shareOf, type Triple, voxelAt, withAxis } from "../../volume/space";
import { useText, useView } from "../context";
import { shareAt } from "../stage/pointing";
import { createSurface, type Surface } from "../stage/surface";
import { createTurns } from "../stage/turns";
import { placeOf, sliceInWords } from "./reading";
import type { ShownVolume } from "./shown";

interface Props extends ShownVolume {
  number: PlaneNumber;
  plane: PlanePayload;
  slice: number;
  /** Whether the crosshair is nearest to it. */
  current: boolean;
  last: boolean;
}

/** One slice of the montage: press it to move the crosshair there. */
export function MontageTile(props: Props) {
  const { looking, answer, view, top, solid, dimmed, number, plane, slice, current, last } = props;
  const { store, painted } = useView();
  const text = useText();
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface<{ result: Result; of: Answer }> | null>(null);
  const turns = store.feature(createTurns);
  const { volume, crosshair, pointed } = looking;
  const { full } = volume;
  const here: Triple = withAxis(crosshair, plane.axis, slice);
  const picture = useMemo(() => cutPicture(volume, plane, here), [volume, plane, slice]);
  const map = useMemo(
    () => answer && { result: cutMap(answer.result, plane, here, full, view.cells), of: answer },
    [answer, plane, slice, full, view.cells],
  );
  const box = useMemo(() => solidOn(solid, plane, slice, full), [solid, plane, slice, full]);
  useLayoutEffect(() => {
    if (canvas.current === null) {
      return undefined;
    }
    surface.current = createSurface<{ result: Result; of: Answer }>(canvas.current, {
      turns,
      onPainted(shown) {
        if (last) {
          painted.value = shown?.of ?? null;
        }
      },
    });
    return () => surface.current?.close();
  }, [turns, painted, last]);
  useLayoutEffect(
    () => surface.current?.show({ session: picture, answer: map, view, top, box }),
    [picture, map, view, top, box, last],
  );
  const under = (event: MouseEvent) =>
    canvas.current === null ? here : voxelAt(shareAt(event, canvas.current), plane, full, here);
  const { x, y } = shareOf(crosshair, plane, full);
  return (
    <button
      type="button"
      class="xai-montage-tile"
      aria-current={current}
      aria-label={text.tileLabel(text.planes[plane.name], sliceInWords(volume, number, plane.axis, here, text))}
      title={text.tileHelp}
      tabIndex={current ? 0 : -1}
      data-dimmed={dimmed}
      // The keyboard presses no place of the tile: what is across the slice stays.
      onClick={(event) => looking.go(event.detail === 0 ? here : under(event))}
      onDblClick={() => store.keep({ layout: "panes" })}
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
      </span>
      <span class="xai-montage-name xai-number">{placeOf(volume, number, here, text) || slice}</span>
    </button>
  );
}
