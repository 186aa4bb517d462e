import { useMemo } from "preact/hooks";
import { tileView } from "../../comparing/painting";
import { largestSolid } from "../../paint/box";
import { topOf } from "../../paint/top";
import type { Mode } from "../../protocol";
import { gridOf } from "../../volume/cut";
import type { Volume } from "../../volume/volume";
import { useShownView, useStore } from "../context";
import { Caption } from "../stage/Caption";
import { ColourBar } from "../stage/ColourBar";
import { Toolbar } from "../stage/Toolbar";
import { useLooking } from "./looking";
import { Montage } from "./Montage";
import { Panes } from "./Panes";
import { readingOf } from "./reading";
import { VolumeReadout } from "./VolumeReadout";
import { VolumeTools } from "./VolumeTools";

const VOLUME_MODES: readonly Mode[] = ["overlay", "map", "contours", "image"];

/** A volume, its heat map, and the numbers to both. */
export function VolumeStage({ volume, dimmed }: { volume: Volume; dimmed: boolean }) {
  const store = useStore();
  const looking = useLooking(volume);
  const { controls, expert } = store.settings;
  const { answer } = store.known.value;
  const { layout, clip, cells } = store.view.value;
  const whole = useShownView();
  // A volume knows the modes that a tile knows.
  const view = useMemo(() => tileView(whole), [whole]);
  const offered = expert.value && (controls.value === null || controls.value.includes("display"));
  const result = answer?.result ?? null;
  // All slices are painted on the scale of the whole map.
  const top = useMemo(() => (result === null ? null : topOf(result, { clip })), [result, clip]);
  const { box, box_threshold: threshold } = view;
  const solid = useMemo(
    () => (result !== null && box ? largestSolid(result.values, gridOf(result), volume.full, threshold) : null),
    [result, volume.full, box, threshold],
  );
  const shown = { looking, answer, view, top, solid, dimmed: dimmed && answer !== null };
  return (
    <figure class="xai-stage xai-volume">
      <Toolbar modes={offered ? VOLUME_MODES : []} zooms={layout === "panes"}>
        {!offered && <VolumeTools looking={looking} result={result} all={false} />}
      </Toolbar>
      {offered && <VolumeTools looking={looking} result={result} all />}
      {layout === "montage" ? <Montage {...shown} /> : <Panes {...shown} />}
      <ColourBar result={result} read={() => readingOf(volume, result, looking.read(), cells)} />
      <Caption answer={answer} />
      <VolumeReadout looking={looking} result={result} />
    </figure>
  );
}
