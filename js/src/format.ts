/** Numbers as people read them. Pure, and the same in every language of the interface. */

const MINUS = "\u2212";

/** A value of a map: three digits, with a power of ten where zeros would hide it. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : `${MINUS}∞`;
  }
  const size = Math.abs(value);
  if (size === 0) {
    return "0";
  }
  const plain = size >= 0.001 && size < 100_000;
  const [mantissa, exponent] = (plain ? plainDigits(size) : size.toExponential(1)).split("e");
  const digits = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa;
  return (value < 0 ? MINUS : "") + (exponent === undefined ? digits : `${digits}e${exponent.replace("+", "")}`);
}

function plainDigits(size: number): string {
  return size >= 1000 ? size.toFixed(0) : Number(size.toPrecision(3)).toString();
}

/** The numbers of one scale: all with the decimals that its largest needs. */
export function formatTicks(ticks: readonly number[]): string[] {
  const largest = ticks.reduce((most, tick) => Math.max(most, Math.abs(tick)), 0);
  if (largest < 0.001 || largest >= 1000) {
    return ticks.map(formatValue);
  }
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(largest)));
  return ticks.map((tick) => formatValue(Number(tick.toFixed(decimals))));
}

/** A probability: what is certain to one digit says so, what is tiny does not look like nothing. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent > 0 && percent < 0.05) {
    return "<0.1 %";
  }
  if (percent < 100 && percent >= 99.95) {
    return ">99.9 %";
  }
  return `${percent.toFixed(1)} %`;
}

export function formatSeconds(seconds: number): string {
  if (seconds < 0.0995) {
    return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  if (seconds < 99.5) {
    return `${Math.round(seconds)} s`;
  }
  return `${Math.round(seconds / 60)} min`;
}

export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Sides of an array: 64×112×112. */
export function formatShape(shape: readonly number[]): string {
  return shape.join("×");
}
