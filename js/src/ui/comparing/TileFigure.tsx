import { useLayoutEffect, useRef } from "preact/hooks";
import { cropOf } from "../../comparing/painting";
import { formatValue } from "../../format";
import type { Picture, Result } from "../../paint/decode";
import { sampleAt } from "../../paint/resample";
import { barPixels, legend } from "../../paint/scale";
import { useText, useView } from "../context";
import { TileCanvas } from "./TileCanvas";

interface Props {
  picture: Picture;
  result: Result;
  /** The value of the strongest colour. */
  top: number;
  label: string;
}

const LENGTH = 128;

/** A small map with what its colours mean, and its value where the pointer is, on whichever picture that is. */
export function TileFigure({ picture, result, top, label }: Props) {
  const { store, probe, viewport } = useView();
  const text = useText();
  const bar = useRef<HTMLCanvasElement>(null);
  const view = store.view.value;
  const { session } = store.known.value;
  useLayoutEffect(() => {
    const context = bar.current?.getContext("2d");
    const image = context?.createImageData(LENGTH, 1);
    if (context && image) {
      image.data.set(barPixels(LENGTH, result.signed, view));
      context.putImageData(image, 0, 0);
    }
  }, [result.signed, view]);

  const at = probe.value;
  const crop = cropOf(viewport.value);
  // The probe counts pixels of the large picture.
  const x = at === null || session === null ? 0 : (at.x + 0.5) / session.width;
  const y = at === null || session === null ? 0 : (at.y + 0.5) / session.height;
  const inside = (share: number, start: number) => `${((share - start) / crop.size) * 100}%`;
  const column = Math.floor(x * picture.width);
  const row = Math.floor(y * picture.height);
  const value = at === null ? null : sampleAt(result, picture.height, picture.width, view.cells, column, row);
  const [low, high] = legend(top, result.signed).map(formatValue);
  return (
    <>
      <div class="xai-tile-frame">
        <TileCanvas picture={picture} result={result} top={top} label={label} />
        {at !== null && (
          <div class="xai-tile-cross" aria-hidden="true">
            <span class="xai-crosshair-x" style={{ left: inside(x, crop.left) }} />
            <span class="xai-crosshair-y" style={{ top: inside(y, crop.top) }} />
          </div>
        )}
      </div>
      <div class="xai-tile-bar" data-off={view.mode === "image"}>
        <canvas ref={bar} width={LENGTH} height={1} role="img" aria-label={text.scaleEnds(low, high)} />
        <div class="xai-tile-ends xai-number" aria-hidden="true">
          <span>{low}</span>
          {value !== null && (
            <strong class="xai-tile-value" title={text.strengthHere}>
              {formatValue(value)}
            </strong>
          )}
          <span>{high}</span>
        </div>
      </div>
    </>
  );
}
