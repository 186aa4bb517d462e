import type { Session } from "../../paint/decode";

/** What can be taken away: code, pictures, numbers. */
export function Actions(_props: { session: Session }) {
  return null;
}
