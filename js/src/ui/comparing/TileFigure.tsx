import { useMemo } from "preact/hooks";
import { formatValue } from "../../format";
import type { Picture, Result } from "../../paint/decode";
import { sampleAt } from "../../paint/resample";
import { legend } from "../../paint/scale";
import { createFace } from "../../volume/face";
import { valueAtCrosshair } from "../../volume/mapping";
import { useShownView, useText, useView } from "../context";
import { Crosshair } from "../stage/Crosshair";
import { Ramp } from "../stage/Ramp";
import { TileCanvas } from "./TileCanvas";

interface Props {
  picture: Picture;
  result: Result;
  /** The value of the strongest colour. */
  top: number;
  label: string;
}

/**
 * A small map with what its colours mean, and its value where the pointer is, on whichever picture that is.
 *
 * Of a volume it shows the first plane at the crosshair, and the value there.
 */
export function TileFigure({ picture, result, top, label }: Props) {
  const { store, probe } = useView();
  const text = useText();
  const view = useShownView();
  const { session } = store.known.value;
  const { crosshair } = store.view.value;
  const faceOf = useMemo(createFace, []);
  const face = faceOf(picture, result, crosshair, view.cells);
  const at = probe.value;
  // The probe counts pixels of the large picture.
  const along = (place: number, all: number, own: number) => Math.floor(((place + 0.5) / all) * own);
  const value = picture.volume
    ? valueAtCrosshair(result, picture.volume.full, crosshair, view.cells)
    : at === null || session === null
      ? null
      : sampleAt(
          result,
          picture.height,
          picture.width,
          view.cells,
          along(at.x, session.width, picture.width),
          along(at.y, session.height, picture.height),
        );
  const [low, high] = legend(top, result.signed).map(formatValue);
  return (
    <>
      <div class="xai-tile-frame">
        <TileCanvas
          picture={face.picture}
          result={face.result}
          top={top}
          label={label}
          slice={Boolean(picture.volume)}
        />
        {session && <Crosshair session={session} />}
      </div>
      <div class="xai-tile-bar" data-off={view.mode === "image"}>
        <Ramp signed={result.signed} view={view} label={text.scaleEnds(low, high)} />
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
