import encoded from "../../../xai_widget/colormaps.json";

export const SEQUENTIAL = ["viridis", "inferno", "magma", "cividis", "gray"] as const;
export const DIVERGING = ["RdBu_r", "PuOr_r", "coolwarm"] as const;

/** 256 colours: red, green, blue one after the other. */
export type Table = Uint8Array;

const tables = new Map<string, Table>(
  Object.entries(encoded).map(([name, text]) => [name, Uint8Array.from(atob(text), (char) => char.charCodeAt(0))]),
);

/** The name that "auto" stands for; a signed map needs a table whose middle is neutral. */
export function tableName(colormap: string, signed: boolean): string {
  if (colormap !== "auto" && tables.has(colormap)) {
    return colormap;
  }
  return signed ? "RdBu_r" : "inferno";
}

export function colourTable(colormap: string, signed: boolean): Table {
  const table = tables.get(tableName(colormap, signed));
  if (table === undefined) {
    throw new Error(`There is no colour table for ${colormap}.`);
  }
  return table;
}
