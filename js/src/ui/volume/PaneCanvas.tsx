import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PlanePayload } from "../../protocol";
import { steppedBy } from "../../volume/keys";
import { type PlaneNumber, type Triple, voxelAt } from "../../volume/space";
import { useText, useView } from "../context";
import { createHand } from "../stage/hand";
import { shareAt } from "../stage/pointing";
import { pictureShare, ZOOM_KEYS } from "../stage/viewport";
import { type Viewport, WHOLE } from "../view";
import { readingOf, sliceInWords, voxelInWords } from "./reading";
import type { ShownVolume } from "./shown";
import { useSlice } from "./slice";

interface Props extends ShownVolume {
  number: PlaneNumber;
  plane: PlanePayload;
  name: string;
  looked: Viewport;
  focus: Signal<Triple | null>;
}

/** The canvas of a plane, and what pointing at it means. */
export function PaneCanvas(props: Props) {
  const { looking, answer, view, number, plane, name, looked, focus } = props;
  const { viewport } = useView();
  const text = useText();
  const { volume, crosshair, pointed } = looking;
  const { full } = volume;
  const canvas = useSlice(props, plane, crosshair, { viewport: looked });

  // What the listeners below were made for may have changed since.
  const now = useRef({ looked, plane, full, crosshair });
  now.current = { looked, plane, full, crosshair };
  useEffect(() => {
    const own = canvas.current;
    return own
      ? createHand(own, {
          viewport: {
            peek: () => now.current.looked,
            set value(next: Viewport) {
              const { plane, full, crosshair } = now.current;
              focus.value = next.zoom > WHOLE.zoom ? voxelAt(next, plane, full, focus.peek() ?? crosshair) : null;
              viewport.value = { ...WHOLE, zoom: next.zoom };
            },
          },
          takes: () => false,
          shareAt: ({ x, y }) => shareAt({ clientX: x, clientY: y }, own),
          size: () => own.getBoundingClientRect(),
        })
      : undefined;
  }, [canvas, viewport, focus]);

  const voxelUnder = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) =>
    voxelAt(pictureShare(looked, shareAt(event, event.currentTarget)), plane, full, crosshair);
  const point = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    const voxel = voxelUnder(event);
    if (event.currentTarget.hasPointerCapture(event.pointerId)) {
      looking.move(voxel);
    } else if (event.pointerType === "mouse") {
      pointed.value = voxel;
    }
  };
  const press = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const to = steppedBy(event, crosshair, number, plane, volume);
    const zoomed = ZOOM_KEYS[event.key];
    if (to !== null) {
      event.preventDefault();
      pointed.value = null;
      looking.move(to, true);
    } else if (zoomed !== undefined) {
      event.preventDefault();
      viewport.value = zoomed(viewport.peek());
    }
  };
  const reading = readingOf(volume, answer?.result ?? null, crosshair, view.cells);
  const label = text.paneLabel(
    name,
    sliceInWords(volume, number, crosshair, text),
    voxelInWords(volume, crosshair, reading, text),
  );
  return (
    <canvas
      ref={canvas}
      class="xai-canvas xai-pane-canvas"
      role="img"
      aria-label={label}
      aria-description={text.paneHint}
      // The arrow keys move the crosshair.
      tabIndex={0}
      onPointerDown={(event) => {
        if (event.button === 0) {
          event.currentTarget.setPointerCapture(event.pointerId);
          pointed.value = null;
          looking.move(voxelUnder(event));
        }
      }}
      onPointerMove={point}
      onLostPointerCapture={() => looking.settle()}
      onPointerLeave={() => {
        pointed.value = null;
      }}
      onKeyDown={press}
      // A key that is held down moves the crosshair many times; the kernel hears of it once.
      onKeyUp={() => looking.settle()}
      onBlur={() => looking.settle()}
    />
  );
}
