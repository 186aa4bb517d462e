import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { View } from "../../protocol";
import { gridFace } from "../../volume/face";
import { useStore } from "../context";
import { thumbnail } from "./colouring";
import type { Frame } from "./filming";

/** One small map; empty while it is not known. Of a volume, the first plane at the crosshair. */
export function SmallMap({ frame, view }: { frame: Frame | null; view: View }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const volume = useStore().known.value.session?.volume ?? null;
  const { colormap, gamma, crosshair } = view;
  const seen = useMemo(() => frame && gridFace(frame, volume, crosshair), [frame, volume, String(crosshair)]);
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (frame !== null && seen !== null && context) {
      const pixels = thumbnail(frame, view, seen.values);
      context.putImageData(new ImageData(pixels, seen.columns, seen.rows), 0, 0);
    }
  }, [frame, seen, colormap, gamma]);
  return (
    <span class="xai-film-map" data-known={frame !== null} data-cells={view.cells} aria-hidden="true">
      {seen && <canvas ref={canvas} width={seen.columns} height={seen.rows} />}
    </span>
  );
}
