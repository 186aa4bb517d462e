import type { Session } from "../../paint/decode";

/** The whole interface for a first look: picture, classes, one control, and a sentence of measured numbers. */
export function Simple(_props: { session: Session }) {
  return null;
}
