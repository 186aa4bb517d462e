/** What one view of a widget has to itself; pictures that are compared share it, so that they are read together. */

/** What the pointer does on the picture: read and move it, cover places, or mark where the model looks. */
export type Tool = "look" | "cover" | "predict";

/** The pixel that is read; `spoken` where the keyboard chose it, for those who cannot see the pointer. */
export interface Probe {
  readonly x: number;
  readonly y: number;
  readonly spoken: boolean;
}

/** How much the picture is enlarged, and which of its points (shares of width and height) is in the middle. */
export interface Viewport {
  readonly zoom: number;
  readonly x: number;
  readonly y: number;
}

export const WHOLE: Viewport = { zoom: 1, x: 0.5, y: 0.5 };
