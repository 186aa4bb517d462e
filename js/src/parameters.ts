import type { MethodPayload, ParamPayload, Value } from "./protocol";

/** Only what differs from the method's default is sent; undefined or the default itself takes a setting back. */
export function withParameter(
  overrides: Record<string, Value>,
  param: ParamPayload,
  value: Value | undefined,
): Record<string, Value> {
  const { [param.name]: _before, ...rest } = overrides;
  return value === undefined || value === param.default ? rest : { ...rest, [param.name]: value };
}

/** The number a control stands at: what was set, else the default, else what "auto" comes to. */
export function effectiveNumber(param: ParamPayload, value: Value | undefined): number | null {
  const given = value === undefined ? param.default : value;
  const number = given ?? param.auto;
  return typeof number === "number" ? number : null;
}

/** Whether a number is not set and left to the method. */
export function isAuto(param: ParamPayload, value: Value | undefined): boolean {
  return param.default === null && (value === undefined || value === null);
}

/** A number the method accepts; null where the text is none. */
export function parseNumber(param: ParamPayload, text: string): number | null {
  const given = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(given)) {
    return null;
  }
  const whole = param.kind === "int" ? Math.round(given) : given;
  return Math.min(Math.max(whole, param.min ?? whole), param.max ?? whole);
}

/** How far one press of an arrow key moves a slider. */
export function stepOf(param: ParamPayload): number {
  if (param.step !== null) {
    return param.step;
  }
  return param.kind === "int" || param.min === null || param.max === null ? 1 : (param.max - param.min) / 100;
}

/** Whether a method is described for these settings; between a change and the kernel's answer it is not. */
export function isDescribed({ params, described }: MethodPayload, overrides: Record<string, Value>): boolean {
  return params.every(({ name, default: usual }) => same(overrides[name] ?? usual, described[name] ?? usual));
}

function same(one: Value, other: Value): boolean {
  const known = (value: Value) => (value !== null && typeof value === "object" ? value.array : value);
  return known(one) === known(other);
}

/** A word of Python as people write it. */
export function asWords(choice: string): string {
  return choice.replaceAll("_", " ");
}
