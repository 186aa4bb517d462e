import type { Session } from "../../paint/decode";

/** What can be done to the picture: cover places, keep only some, guess before looking. */
export function Tools(_props: { session: Session }) {
  return null;
}
