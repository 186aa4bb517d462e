import type { Mode, View } from "../protocol";
import { barPixels, ticks, tickWords } from "./scale";

interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where things lie on a sheet, in pixels. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly picture: Rectangle;
  readonly bar: Rectangle;
  /** The upper end of the numbers below the bar, and the height of their letters. */
  readonly numbers: number;
  readonly font: number;
}

/** What the colours of a sheet mean. */
export interface Meaning {
  readonly top: number;
  readonly signed: boolean;
  /** Whether values lie beyond the bar's low and high end. */
  readonly beyond: readonly [boolean, boolean];
  /** What the numbers count, or nothing. */
  readonly unit: string;
}

/** The part of a canvas that a sheet is drawn with. */
export type Pen = Pick<
  CanvasRenderingContext2D,
  "fillStyle" | "strokeStyle" | "lineWidth" | "font" | "textBaseline" | "fillRect" | "strokeRect" | "fillText"
> & {
  drawImage(image: CanvasImageSource, left: number, top: number, width: number, height: number): void;
  measureText(text: string): { readonly width: number };
};

const PAPER = "#ffffff";
const INK = "#202020";

/** Whether colours stand for numbers in a mode. */
export function hasBar(mode: Mode): boolean {
  return mode !== "image" && mode !== "regions";
}

/** Lay out a sheet around a painted picture, as the kernel's `render.sheet` does. */
export function sheetOf(width: number, height: number): Sheet {
  const font = Math.max(9, Math.floor((Math.min(width, height) + 16) / 32));
  const strip = Math.floor((4 * font) / 5);
  const top = font + height + font;
  const numbers = top + strip + Math.max(2, Math.floor(font / 4));
  return {
    width: width + 2 * font,
    height: numbers + font + Math.floor((font * 15) / 16),
    picture: { left: font, top: font, width, height },
    bar: { left: font, top, width, height: strip },
    numbers,
    font,
  };
}

/** Draw a painted picture on white paper, its colour bar and numbers below. */
export function drawSheet(pen: Pen, sheet: Sheet, painted: CanvasImageSource, view: View, meaning: Meaning): void {
  const { picture, bar, font } = sheet;
  pen.fillStyle = PAPER;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.drawImage(painted, picture.left, picture.top, picture.width, picture.height);
  const colours = barPixels(bar.width, meaning.signed, view);
  for (let x = 0; x < bar.width; x++) {
    const [red, green, blue, alpha] = colours.subarray(4 * x, 4 * x + 4);
    if (alpha > 0) {
      pen.fillStyle = `rgb(${red}, ${green}, ${blue})`;
      pen.fillRect(bar.left + x, bar.top, 1, bar.height);
    }
  }
  const line = Math.max(1, Math.floor(font / 16));
  pen.strokeStyle = INK;
  pen.lineWidth = line;
  pen.strokeRect(bar.left + line / 2, bar.top + line / 2, bar.width - line, bar.height - line);
  pen.fillStyle = INK;
  pen.font = `${font}px system-ui, sans-serif`;
  pen.textBaseline = "top";
  for (const { word, left } of numbersOf(pen, sheet, meaning)) {
    pen.fillText(word, left, sheet.numbers);
  }
}

/** The outermost numbers within the bar's ends, a lone one where zero is; only the outermost where they collide. */
function numbersOf(pen: Pen, { bar, font }: Sheet, meaning: Meaning): { word: string; left: number }[] {
  const values = ticks(meaning.top, meaning.signed);
  const words = tickWords(values, meaning.beyond);
  const last = words.length - 1;
  if (meaning.unit !== "") {
    words[last] += ` ${meaning.unit}`;
  }
  const placed = words.map((word, i) => {
    const share = last === 0 ? (meaning.signed ? 0.5 : 0) : i / last;
    const width = pen.measureText(word).width;
    const left = Math.max(bar.left + share * bar.width - width / 2, bar.left);
    return { word, width, left: Math.min(left, bar.left + bar.width - width) };
  });
  const crowded = placed.some(({ left, width }, i) => i < last && left + width + font / 2 > placed[i + 1].left);
  return placed.filter((_, i) => !crowded || i === 0 || i === last);
}
