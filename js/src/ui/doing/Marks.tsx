import type { Session } from "../../paint/decode";

/** What lies over the picture, in its own pixels: what was painted, and the regions. */
export function Marks(_props: { session: Session }) {
  return null;
}
