import type { Solid } from "../../paint/box";
import type { View } from "../../protocol";
import type { Answer } from "../../reducer";
import type { Looking } from "./looking";

/** What the panes and the montage show. */
export interface ShownVolume {
  readonly looking: Looking;
  readonly answer: Answer | null;
  /** As far as it matters to what is painted. */
  readonly view: View;
  /** The value of the strongest colour. */
  readonly top: number | null;
  /** The box of the largest region, where it is wanted. */
  readonly solid: Solid | null;
  /** Whether the map is out of date, because the last question failed. */
  readonly dimmed: boolean;
}
