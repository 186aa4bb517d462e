import type { CoverFill } from "../protocol";

/** A picture, three bytes a pixel. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const GREY = 127.5;
/** As strong as the kernel's: a fourteenth of the shorter side. */
const BLUR = 1 / 14;
/** Three running means come close to a Gaussian. */
const PASSES = 3;

/** What would be seen if all of the picture were covered, four bytes a pixel. The model's own fill is the kernel's. */
export function filled(picture: Picture, fill: CoverFill): Uint8ClampedArray<ArrayBuffer> {
  const { width, height } = picture;
  const out = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let channel = 0; channel < 3; channel++) {
    const values = covering(plane(picture, channel), width, height, fill);
    for (let place = 0; place < values.length; place++) {
      out[4 * place + channel] = values[place];
    }
  }
  return out;
}

function covering(values: Float32Array<ArrayBuffer>, width: number, height: number, fill: CoverFill): Float32Array {
  switch (fill) {
    case "grey":
      return values.fill(GREY);
    case "mean":
      return values.fill(mean(values));
    case "noise":
      return noisy(values);
    case "blur":
      return blurred(values, width, height);
  }
}

function plane({ pixels }: Picture, channel: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(pixels.length / 3);
  for (let place = 0; place < values.length; place++) {
    values[place] = pixels[3 * place + channel];
  }
  return values;
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) {
    sum += value;
  }
  return sum / values.length;
}

function noisy(values: Float32Array): Float32Array {
  const middle = mean(values);
  const spread = Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
  return values.map(() => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return middle + spread * radius * Math.cos(2 * Math.PI * Math.random());
  });
}

function blurred(values: Float32Array<ArrayBuffer>, width: number, height: number): Float32Array {
  const sigma = BLUR * Math.min(width, height);
  // A mean over 2 r + 1 pixels has the variance r (r + 1) / 3.
  const radius = Math.max(1, Math.round((Math.sqrt(1 + (12 * sigma * sigma) / PASSES) - 1) / 2));
  let [from, to] = [values, new Float32Array(values)];
  for (let pass = 0; pass < PASSES; pass++) {
    for (const [lines, length, line, step] of [
      [height, width, width, 1],
      [width, height, 1, width],
    ]) {
      for (let n = 0; n < lines; n++) {
        runningMean(from, to, n * line, length, step, radius);
      }
      [from, to] = [to, from];
    }
  }
  return from;
}

/** The mean of each value's neighbourhood along a line; the ends go on for ever. */
function runningMean(
  from: Float32Array,
  to: Float32Array,
  start: number,
  length: number,
  step: number,
  radius: number,
): void {
  const at = (place: number) => from[start + step * Math.min(Math.max(place, 0), length - 1)];
  let sum = 0;
  for (let place = -radius; place <= radius; place++) {
    sum += at(place);
  }
  for (let place = 0; place < length; place++) {
    to[start + step * place] = sum / (2 * radius + 1);
    sum += at(place + radius + 1) - at(place - radius);
  }
}
