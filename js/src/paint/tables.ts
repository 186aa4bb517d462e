import packed from "../../../xai_widget/colormaps.json";

export const SEQUENTIAL = ["viridis", "inferno", "magma", "cividis", "gray"] as const;
export const DIVERGING = ["RdBu_r", "PuOr_r", "coolwarm"] as const;

/** 256 colours: red, green, blue one after the other. */
export type Table = Uint8Array;

const tables = new Map(Object.entries(packed).map(([name, table]) => [name, unpacked(table as Packed)]));

/** The first two colours, and how much every channel bends after them: from -2 to 3, two bends a digit. */
type Packed = [start: number[], bends: string];

function unpacked([start, bends]: Packed): Table {
  const table = new Uint8Array(3 * 256);
  table.set(start);
  const bend = (at: number, by: number) => {
    table[at] = 2 * table[at - 3] - table[at - 6] + by - 2;
  };
  [...bends].forEach((digit, place) => {
    const pair = Number.parseInt(digit, 36);
    bend(6 + 2 * place, Math.floor(pair / 6));
    bend(7 + 2 * place, pair % 6);
  });
  return table;
}

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
