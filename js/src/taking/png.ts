/** The picture that a person takes away: the heat map, and under it what it is and what its colours mean. */
import type { Result } from "../paint/decode";
import { barPixels, barPosition, ticks, tickWords } from "../paint/scale";
import { beyond, topOf } from "../paint/top";
import type { View } from "../protocol";
import { newCanvas, type Painted, paintCanvas, pixelCanvas } from "./painting";

export const SCALES = [1, 2, 4] as const;

const INK = "#1d1f21";
const PAPER = "#ffffff";
const FONT = "system-ui, sans-serif";
/** The sizes below belong to a picture of this width; larger ones have larger letters, smaller ones do not. */
const USUAL_WIDTH = 448;
const MARGIN = 10;
const LETTERS = 12;
const LINE = 17;
const BAR = 10;

/** Text at its base line. */
export interface Writing {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly align: "left" | "center" | "right";
}

/** Where everything lies, in pixels of the file. */
export interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly letters: number;
  readonly title: readonly Writing[];
  readonly bar: { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  readonly ticks: readonly Writing[];
}

/** A number of the bar, and where it lies on it, from 0 to 1. */
export interface Tick {
  readonly text: string;
  readonly at: number;
}

/**
 * Lay out a picture with a title and a colour bar below it.
 *
 * @param measure how wide a text is, in letters of `size` pixels
 */
export function layOut(
  picture: { width: number; height: number },
  title: string,
  numbers: readonly Tick[],
  measure: (text: string, size: number) => number,
): Sheet {
  const unit = Math.max(1, picture.width / USUAL_WIDTH);
  const letters = Math.round(LETTERS * unit);
  const [margin, line, thick] = [MARGIN, LINE, BAR].map((size) => Math.round(size * unit));
  const room = Math.max(picture.width - 2 * margin, 1);
  const lines = wrap(title, room, (text) => measure(text, letters));
  const top = picture.height + margin;
  const bar = { x: margin, y: top + lines.length * line + Math.round(margin / 2), width: room, height: thick };
  const below = bar.y + bar.height + line;
  const kept = apart(numbers, room, (text) => measure(text, letters));
  return {
    width: picture.width,
    height: below + margin,
    letters,
    title: lines.map((text, place) => ({ text, x: margin, y: top + place * line + letters, align: "left" })),
    bar,
    // The outermost numbers stay within the bar; a lone zero stands where zero is.
    ticks: kept.map(({ text, at }, place) => ({
      text,
      x: Math.round(bar.x + at * bar.width),
      y: below,
      align:
        kept.length === 1 ? "center" : ((["left", "right"] as const)[[0, kept.length - 1].indexOf(place)] ?? "center"),
    })),
  };
}

/** Break a text into lines at its spaces; a word that is longer than a line is left whole. */
function wrap(text: string, room: number, measure: (text: string) => number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines[lines.length - 1]} ${word}`;
    if (lines.length > 0 && measure(longer) <= room) {
      lines[lines.length - 1] = longer;
    } else {
      lines.push(word);
    }
  }
  return lines;
}

/** Of numbers that would touch, the ends and the middle. */
function apart(numbers: readonly Tick[], room: number, measure: (text: string) => number): readonly Tick[] {
  const widest = numbers.reduce((most, { text }) => Math.max(most, measure(text)), 0);
  return widest * numbers.length * 1.3 <= room ? numbers : numbers.filter((_, place) => place % 2 === 0);
}

/** The numbers of a colour bar; an end says so if it stands for everything beyond it. */
export function barNumbers(result: Pick<Result, "values" | "signed">, view: Pick<View, "clip">): Tick[] {
  const { signed } = result;
  const top = topOf(result, view);
  const numbers = ticks(top, signed);
  const words = tickWords(numbers, beyond(result, top));
  return numbers.map((number, place) => ({ text: words[place], at: barPosition(number, top, signed) }));
}

/** Draw the picture, `scale` times as large, over its title and colour bar if there is a title; as a file. */
export function drawPng(painted: Painted, scale: number, title: string | null): Promise<Blob> {
  const picture = paintCanvas(painted, scale);
  const { result } = painted;
  const canvas = result === null || title === null ? picture : onSheet(picture, title, result, painted.view);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The picture is too large."))), "image/png");
  });
}

function onSheet(picture: HTMLCanvasElement, title: string, result: Result, view: View): HTMLCanvasElement {
  const { canvas, context } = newCanvas(1, 1);
  const measure = (text: string, letters: number) => {
    context.font = `${letters}px ${FONT}`;
    return context.measureText(text).width;
  };
  const sheet = layOut(picture, title, barNumbers(result, view), measure);
  canvas.width = sheet.width;
  canvas.height = sheet.height;
  context.fillStyle = PAPER;
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.drawImage(picture, 0, 0);
  context.fillStyle = INK;
  context.font = `${sheet.letters}px ${FONT}`;
  for (const { text, x, y, align } of [...sheet.title, ...sheet.ticks]) {
    context.textAlign = align;
    context.fillText(text, x, y);
  }
  const { bar } = sheet;
  const colours = pixelCanvas(bar.width, 1, barPixels(bar.width, result.signed, view));
  context.drawImage(colours, bar.x, bar.y, bar.width, bar.height);
  context.strokeStyle = INK;
  context.lineWidth = 1;
  context.strokeRect(bar.x - 0.5, bar.y - 0.5, bar.width + 1, bar.height + 1);
  return canvas;
}
