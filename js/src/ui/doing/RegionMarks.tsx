import { useMemo } from "preact/hooks";
import { outline } from "../../doing/mask";
import { createRegions, regionMask } from "../../doing/regions";
import type { Regions } from "../../paint/decode";
import { useStore } from "../context";
import { Line } from "./Line";

/** The region that is pointed at in the list. */
export function RegionMarks() {
  const { current, pointed } = useStore().feature(createRegions);
  const regions = current.value;
  const number = pointed.value;
  return regions === null || number === null ? null : <Pointed regions={regions} number={number} />;
}

function Pointed({ regions, number }: { regions: Regions; number: number }) {
  const path = useMemo(() => outline(regionMask(regions, number)), [regions, number]);
  return (
    <>
      <path class="xai-region-fill" d={path} />
      <Line path={path} />
    </>
  );
}
