import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Result } from "../../paint/decode";
import type { PlanePayload } from "../../protocol";
import type { Answer } from "../../reducer";
import { solidOn } from "../../volume/box";
import { cutMap, cutPicture } from "../../volume/cut";
import type { Triple } from "../../volume/space";
import { useView } from "../context";
import { createSurface, type Surface } from "../stage/surface";
import type { Turns } from "../stage/turns";
import { type Viewport, WHOLE } from "../view";
import type { ShownVolume } from "./shown";

/** A slice of the map, and the answer that it belongs to. */
interface Slice {
  readonly result: Result;
  readonly of: Answer;
}

interface Options {
  readonly viewport?: Viewport;
  readonly turns?: Turns;
}

/** Keeps a canvas painted with the slice of a plane through a voxel. Nothing is cut again but what has changed. */
export function useSlice(shown: ShownVolume, plane: PlanePayload, through: Triple, { viewport, turns }: Options) {
  const { painted } = useView();
  const canvas = useRef<HTMLCanvasElement>(null);
  const surface = useRef<Surface<Slice> | null>(null);
  const { answer, view, top, solid } = shown;
  const { volume } = shown.looking;
  const { full } = volume;
  const at = through[plane.axis];
  const session = useMemo(() => cutPicture(volume, plane, at), [volume, plane, at]);
  const slice = useMemo(
    () => answer && { result: cutMap(answer.result, plane, at, full, view.cells), of: answer },
    [answer, plane, at, full, view.cells],
  );
  const box = useMemo(() => solidOn(solid, plane, at, full), [solid, plane, at, full]);
  useLayoutEffect(() => {
    if (canvas.current === null) {
      return undefined;
    }
    surface.current = createSurface<Slice>(canvas.current, {
      turns,
      quality: "medium",
      onPainted(what) {
        painted.value = what?.of ?? null;
      },
    });
    return () => surface.current?.close();
  }, [turns, painted]);
  const { zoom, x, y } = viewport ?? WHOLE;
  useLayoutEffect(
    () => surface.current?.show({ session, answer: slice, view, top, box, viewport }),
    [session, slice, view, top, box, zoom, x, y],
  );
  return canvas;
}
