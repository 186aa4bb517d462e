import { useLayoutEffect, useRef } from "preact/hooks";
import { barPixels } from "../../paint/scale";
import type { View } from "../../protocol";

const LENGTH = 512;

/** The colours from one end to the other. */
export function Ramp({ signed, view, label }: { signed: boolean; view: View; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const pixels = new Uint8ClampedArray(barPixels(LENGTH, signed, view));
    canvas.current?.getContext("2d")?.putImageData(new ImageData(pixels, LENGTH, 1), 0, 0);
  }, [signed, view]);
  return <canvas ref={canvas} class="xai-bar-canvas" width={LENGTH} height={1} role="img" aria-label={label} />;
}
