import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Crop, cropOf, tileView, zoomedAt } from "../../comparing/painting";
import type { Picture, Result } from "../../paint/decode";
import { createPainter } from "../../paint/painter";
import { useStore, useView } from "../context";
import { createTurns } from "./turns";

interface Props {
  picture: Picture;
  result: Result;
  top: number;
  label: string;
}

const ZOOM_STEP = 1.0015;

/** A small picture with its heat map, which moves and is read together with the large one. */
export function TileCanvas({ picture, result, top, label }: Props) {
  const { store, probe, viewport } = useView();
  const turns = useStore().feature(createTurns);
  const canvas = useRef<HTMLCanvasElement>(null);
  const painted = useRef<HTMLCanvasElement | null>(null);
  const painter = useMemo(createPainter, []);
  const view = tileView(store.view.value);
  const crop = cropOf(viewport.value);
  const latest = useRef(crop);
  latest.current = crop;

  useLayoutEffect(() => {
    const owner = painter;
    turns.take(owner, () => {
      painted.current ??= document.createElement("canvas");
      const { current } = painted;
      current.width = picture.width;
      current.height = picture.height;
      const context = current.getContext("2d");
      const image = context?.createImageData(picture.width, picture.height);
      if (context && image) {
        painter.paint({ session: picture, result, view, regions: null, top, scale: 1 }, image.data);
        context.putImageData(image, 0, 0);
        draw(canvas.current, current, latest.current, view.cells);
      }
    });
    return () => turns.leave(owner);
  }, [picture, result, top, store.view.value, painter, turns]);
  useLayoutEffect(() => {
    if (painted.current !== null) {
      draw(canvas.current, painted.current, crop, view.cells);
    }
  }, [crop.left, crop.top, crop.size, view.cells]);
  useLayoutEffect(() => {
    const element = canvas.current;
    if (element === null) {
      return undefined;
    }
    const again = () => painted.current && draw(element, painted.current, latest.current, view.cells);
    const resized = new ResizeObserver(again);
    resized.observe(element);
    // Not passive: with Ctrl the wheel would enlarge the page instead of the pictures.
    const wheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault();
        const { left, top: upper, width, height } = element.getBoundingClientRect();
        const [across, down] = [(event.clientX - left) / width, (event.clientY - upper) / height];
        viewport.value = zoomedAt(viewport.peek(), across, down, ZOOM_STEP ** -event.deltaY);
      }
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      resized.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, [viewport, view.cells]);

  const point = (event: PointerEvent & { currentTarget: HTMLCanvasElement }) => {
    const { session } = store.known.peek();
    if (session !== null) {
      const box = event.currentTarget.getBoundingClientRect();
      const x = place((event.clientX - box.left) / box.width, crop.left, crop.size, session.width);
      const y = place((event.clientY - box.top) / box.height, crop.top, crop.size, session.height);
      probe.value = { x, y, spoken: false };
    }
  };
  return (
    <canvas
      ref={canvas}
      class="xai-tile-canvas"
      role="img"
      aria-label={label}
      style={{ aspectRatio: `${picture.width} / ${picture.height}` }}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => {
        probe.value = null;
      }}
    />
  );
}

function draw(canvas: HTMLCanvasElement | null, painted: HTMLCanvasElement, crop: Crop, cells: boolean): void {
  const context = canvas?.getContext("2d");
  if (!canvas || !context || canvas.clientWidth === 0) {
    return;
  }
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
  canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
  context.imageSmoothingEnabled = !cells;
  context.imageSmoothingQuality = "high";
  const { width, height } = painted;
  const part = [crop.left * width, crop.top * height, crop.size * width, crop.size * height] as const;
  context.drawImage(painted, ...part, 0, 0, canvas.width, canvas.height);
}

function place(share: number, start: number, size: number, length: number): number {
  return Math.min(Math.max(Math.floor((start + share * size) * length), 0), length - 1);
}
