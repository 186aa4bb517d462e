import { useLayoutEffect, useRef } from "preact/hooks";
import type { View } from "../../protocol";
import { thumbnail } from "./colouring";
import type { Frame } from "./filming";

/** One small map; empty while it is not known. */
export function SmallMap({ frame, view }: { frame: Frame | null; view: View }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { colormap, gamma } = view;
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (frame !== null && context) {
      context.putImageData(new ImageData(thumbnail(frame, view), frame.columns, frame.rows), 0, 0);
    }
  }, [frame, colormap, gamma]);
  return (
    <span class="xai-film-map" data-known={frame !== null} data-cells={view.cells} aria-hidden="true">
      {frame && <canvas ref={canvas} width={frame.columns} height={frame.rows} />}
    </span>
  );
}
