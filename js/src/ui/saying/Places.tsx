import { createRegions } from "../../doing/regions";
import type { Session } from "../../paint/decode";
import { useStore } from "../context";

/** Height of a number, as a share of the picture's longer side. */
const SIZE = 0.06;

/** The regions of which the sentence speaks, framed and numbered, in pixels of the picture. */
export function Places({ session }: { session: Session }) {
  const store = useStore();
  const regions = store.feature(createRegions).current.value;
  if (regions === null || regions.session !== session.index || store.view.value.mode === "regions") {
    return null;
  }
  const size = SIZE * Math.max(session.width, session.height);
  return (
    <g>
      {regions.regions.map(({ box: [top, left, bottom, right] }, place) => (
        <g key={`${top} ${left} ${bottom} ${right}`}>
          {["xai-place xai-place-edge", "xai-place"].map((name) => (
            <rect key={name} class={name} x={left} y={top} width={right - left} height={bottom - top} rx={size / 6} />
          ))}
          <text class="xai-place-number" x={left + size * 0.3} y={top + size} font-size={size}>
            {place + 1}
          </text>
        </g>
      ))}
    </g>
  );
}
