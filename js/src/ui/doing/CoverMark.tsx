import { useMemo } from "preact/hooks";
import type { Cover } from "../../doing/cover";
import { filled } from "../../doing/fills";
import { inverted, outline } from "../../doing/mask";
import type { Session } from "../../paint/decode";
import type { CoverFill } from "../../protocol";
import { Line } from "./Line";

/** The covered places as they are covered, and the border of what was painted. */
export function CoverMark({ session, cover }: { session: Session; cover: Cover }) {
  // Names are the whole page's, and several widgets may be on it.
  const stuff = useMemo(() => `xai-cover-${Math.random().toString(36).slice(2)}`, []);
  const { width, height } = session;
  const mask = cover.paper.mask.value;
  const fill = cover.fill.value;
  const keep = cover.keep.value;
  const picture = useMemo(() => pictureOf(session, fill), [session, fill]);
  const path = useMemo(() => outline(mask), [mask]);
  const hidden = useMemo(() => (keep ? outline(inverted(mask)) : path), [mask, keep, path]);
  if (path === "") {
    return null;
  }
  return (
    <>
      <pattern id={stuff} patternUnits="userSpaceOnUse" width={width} height={height}>
        <image href={picture} width={width} height={height} preserveAspectRatio="none" />
      </pattern>
      <path d={hidden} fill={`url(#${stuff})`} />
      <Line path={path} />
    </>
  );
}

/** A picture that is covered everywhere, for SVG. */
function pictureOf(session: Session, fill: CoverFill): string {
  const canvas = document.createElement("canvas");
  canvas.width = session.width;
  canvas.height = session.height;
  canvas.getContext("2d")?.putImageData(new ImageData(filled(session, fill), session.width, session.height), 0, 0);
  return canvas.toDataURL();
}
