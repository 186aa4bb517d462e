import { formatValue } from "../../format";
import type { Result } from "../../paint/decode";
import { worldInWords } from "../../volume/place";
import { intensityAt } from "../../volume/volume";
import { useStore, useText } from "../context";
import { Value } from "../stage/Readout";
import type { Looking } from "./looking";
import { readingOf } from "./reading";

/** The voxel that is pointed at, or that at the crosshair: where it is, what the map says, and what the input was. */
export function VolumeReadout({ looking, result }: { looking: Looking; result: Result | null }) {
  const text = useText();
  const { cells } = useStore().view.value;
  const { volume, spoken } = looking;
  const at = looking.read();
  const world = worldInWords(volume.affine, at);
  const reading = readingOf(volume, result, at, cells);
  return (
    <output class="xai-readout" aria-live={spoken.value ? "polite" : "off"}>
      <span class="xai-number">{text.voxelAt(at.join(", "))}</span> {world && <span class="xai-number">{world}</span>}{" "}
      {reading && <Value reading={reading} text={text} />}{" "}
      <span class="xai-number xai-quiet">{text.inputValue(formatValue(intensityAt(volume, at)))}</span>
    </output>
  );
}
