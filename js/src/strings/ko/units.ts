import { formatSeconds } from "../../format";

const UNITS: Record<string, string> = { ms: "ms", s: "초", min: "분" };

/** 80ms, 2.1초, 3분. */
export function duration(seconds: number): string {
  const [number, unit] = formatSeconds(seconds).split(" ");
  return `${number}${UNITS[unit]}`;
}
