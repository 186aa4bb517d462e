/** Everything the interface says: one catalogue a language. */

import { english } from "./en";

export type Strings = typeof english;

/** The catalogue for a locale; English where there is none. */
export function strings(_locale: string | null): Strings {
  return english;
}
