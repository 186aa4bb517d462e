import type { Result, Session } from "../../paint/decode";
import { sampleAt } from "../../paint/resample";
import type { Probe } from "../view";
import { type Rank, rankOf } from "./rank";

/** What the map says of one pixel. */
export interface Reading {
  readonly value: number;
  /** Its standard error, where the method knows it. */
  readonly error: number | null;
  readonly rank: Rank | null;
}

export function readingAt(session: Session, result: Result | null, at: Probe | null, cells: boolean): Reading | null {
  if (result === null || at === null || at.x >= session.width || at.y >= session.height) {
    return null;
  }
  const { rows, columns, errors } = result;
  const sample = (values: Float32Array) =>
    sampleAt({ rows, columns, values }, session.height, session.width, cells, at.x, at.y);
  const value = sample(result.values);
  return { value, error: errors === null ? null : sample(errors), rank: rankOf(session, result, cells, value) };
}
