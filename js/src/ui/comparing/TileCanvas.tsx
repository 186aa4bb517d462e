import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { tileView } from "../../comparing/painting";
import type { Picture, Result } from "../../paint/decode";
import { useShownView, useView } from "../context";
import { createHand } from "../stage/hand";
import { pixelAt, shareAt } from "../stage/pointing";
import { createSurface, type Surface } from "../stage/surface";
import { createTurns } from "../stage/turns";
import { WHOLE } from "../view";

interface Props {
  picture: Picture;
  result: Result;
  /** The value of the strongest colour. */
  top: number;
  label: string;
  /** Whether it is a slice of a volume: then the map's box is not known from it, and it is not moved with a picture. */
  slice: boolean;
}

/** A small picture with its heat map, which moves and is read together with the large one. */
export function TileCanvas({ picture, result, top, label, slice }: Props) {
  const { store, probe, viewport } = useView();
  const turns = store.feature(createTurns);
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface<{ result: Result }> | null>(null);
  const whole = useShownView();
  const view = useMemo(() => tileView(whole), [whole]);
  const looked = slice ? WHOLE : viewport.value;

  useLayoutEffect(() => {
    if (canvas.current === null) {
      return undefined;
    }
    surface.current = createSurface(canvas.current, { turns });
    return () => surface.current?.close();
  }, [turns]);
  useLayoutEffect(
    () =>
      surface.current?.show({
        session: picture,
        answer: { result },
        view,
        top,
        viewport: looked,
        ...(slice && { box: null }),
      }),
    [picture, result, view, top, looked, slice],
  );
  useEffect(() => {
    const own = canvas.current;
    return own && !slice
      ? createHand(own, {
          viewport,
          takes: () => true,
          shareAt: ({ x, y }) => shareAt({ clientX: x, clientY: y }, own),
          size: () => own.getBoundingClientRect(),
        })
      : undefined;
  }, [viewport, slice]);

  const point = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    const { session } = store.known.peek();
    if (session !== null && !slice) {
      probe.value = { ...pixelAt(event, event.currentTarget, viewport.peek(), session), spoken: false };
    }
  };
  return (
    <canvas
      ref={canvas}
      class="xai-tile-canvas"
      role="img"
      aria-label={label}
      data-zoomed={looked.zoom > 1}
      style={{ aspectRatio: `${picture.width} / ${picture.height}` }}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => {
        probe.value = null;
      }}
    />
  );
}
