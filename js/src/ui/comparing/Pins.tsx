import type { Session } from "../../paint/decode";

/** What is compared, side by side on one scale. */
export function Pins(_props: { session: Session }) {
  return null;
}
