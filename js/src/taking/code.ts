/** The Python that asks the same question again. Pure. */
import type { Session } from "../paint/decode";
import {
  type Control,
  DEFAULT_VIEW,
  type ResultPayload,
  type Value,
  type View,
  type WireLayer,
  type WireTarget,
} from "../protocol";
import type { Strings } from "../strings";

/** What is shown: the question, with the parameters as they came to be. */
export interface Asked {
  readonly method: string;
  readonly params: Readonly<Record<string, Value>>;
  readonly target: WireTarget;
  readonly layer: WireLayer;
}

/** How much of the widget is shown. */
export interface Shown {
  readonly view: View;
  readonly expert: boolean;
  readonly controls: readonly Control[] | null;
}

/** One keyword of a call; null where it can only be named. */
interface Keyword {
  readonly name: string;
  readonly code: string | null;
  /** What must be said of it. */
  readonly remark?: string;
}

const INDENT = "    ";
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Display settings that are whole numbers. */
const COUNTS: readonly string[] = ["plane", "tiles"] satisfies (keyof View)[];
/** A line of code that is longer is broken up. */
const WIDTH = 88;

/**
 * The question of the map that is shown; where there is none yet, that of the settings.
 *
 * A map knows all its parameters, its class and its layer, so that its code gives the same map on another day.
 */
export function askedOf(session: Session, result: ResultPayload | null, settings: Asked): Asked {
  const known = result !== null && result.session === session.index && session.methods.some(isOf(result.method));
  return known ? result : settings;
}

/** The code of the whole view: the widget with its question and its display. */
export function viewCode(session: Session, asked: Asked, { view, expert, controls }: Shown, text: Strings): string {
  // Where somebody looks in a volume is no setting: another one has other places.
  const { crosshair: _crosshair, ...look } = view;
  const changed = Object.entries(look).filter(([key, value]) => value !== DEFAULT_VIEW[key as keyof View]);
  const display = dictionary(changed.map(([key, value]) => [key, typed(value, isShare(key))]));
  const keywords = [
    { name: "method", code: literal(asked.method) },
    ...asDictionary(parameters(session, asked, text)),
    ...question(session, asked, text),
    ...bound(session, text),
    ...(changed.length > 0 ? [{ name: "view", code: display }] : []),
    ...(controls === null ? [] : [{ name: "controls", code: list(controls) }]),
    ...(expert ? [] : [{ name: "expert", code: literal(expert) }]),
  ];
  return `${head(session, asked, "XaiWidget", text)}${call("w = XaiWidget", keywords)}\nw\n`;
}

/** The code of the numbers alone, without a widget. */
export function numbersCode(session: Session, asked: Asked, text: Strings): string {
  const keywords = [
    { name: "method", code: literal(asked.method) },
    ...question(session, asked, text),
    ...bound(session, text),
    ...parameters(session, asked, text),
  ];
  return `${head(session, asked, "explain", text)}${call("a = explain", keywords)}\na.values\n`;
}

/** A value as Python writes it. */
export function literal(value: Exclude<Value, object>): string {
  if (value === null) {
    return "None";
  }
  if (typeof value === "boolean") {
    return value ? "True" : "False";
  }
  return typeof value === "number" ? numeral(value) : quoted(value);
}

function numeral(value: number): string {
  if (!Number.isFinite(value)) {
    return `float("${Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf"}")`;
  }
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** JSON writes strings as Python does, but for characters that are invisible in some encodings. */
function quoted(value: string): string {
  const spelled = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, spelled);
}

function list(words: readonly string[]): string {
  return `[${words.map(quoted).join(", ")}]`;
}

/** A number that Python is to read as a float keeps its point. */
function typed(value: Exclude<Value, object>, float: boolean): string {
  const code = literal(value);
  return float && typeof value === "number" && /^-?\d+$/.test(code) ? `${code}.0` : code;
}

function isShare(key: string): boolean {
  return typeof DEFAULT_VIEW[key as keyof View] === "number" && !COUNTS.includes(key);
}

function isOf(id: string): (method: { id: string }) => boolean {
  return (method) => method.id === id;
}

/** Every parameter with its effective value: the seed counts, and so does what "auto" came to. */
function parameters(session: Session, { method: id, params }: Asked, text: Strings): Keyword[] {
  const method = session.methods.find(isOf(id));
  const described = method !== undefined && sameParams(method.described, params);
  const keywords: Keyword[] = [];
  for (const [name, given] of Object.entries(params)) {
    const about = method?.params.find((param) => param.name === name);
    const value = given ?? (described ? (about?.auto ?? null) : null);
    if (value !== null) {
      keywords.push(keyword(name, value, about?.kind === "float", text));
    }
  }
  return keywords;
}

/** How the model is run and read: transforms, labels and the like are Python's own, and only named. */
function bound(session: Session, text: Strings): Keyword[] {
  return Object.entries(session.bound).map(([name, value]) => keyword(name, value, false, text));
}

function keyword(name: string, value: Value, float: boolean, text: Strings): Keyword {
  return value !== null && typeof value === "object"
    ? { name, code: null, remark: text.codeArray(name, value.array) }
    : { name, code: typed(value, float) };
}

function sameParams(one: Readonly<Record<string, Value>>, other: Readonly<Record<string, Value>>): boolean {
  return Object.entries(other).every(([name, value]) => JSON.stringify(one[name]) === JSON.stringify(value));
}

function asDictionary(keywords: readonly Keyword[]): Keyword[] {
  const written = keywords.flatMap(({ name, code }): [string, string][] => (code === null ? [] : [[name, code]]));
  const rest = keywords.filter(({ code }) => code === null);
  return [...(written.length > 0 ? [{ name: "params", code: dictionary(written) }] : []), ...rest];
}

function dictionary(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, code]) => `${quoted(key)}: ${code}`).join(", ")}}`;
}

/** Class and layer: written out even where they were the usual ones, which may be others on another day. */
function question(session: Session, { target, layer }: Asked, text: Strings): Keyword[] {
  const keywords = target === null ? [] : [targetKeyword(session, target, text)];
  if (layer !== null) {
    keywords.push({ name: "layer", code: Array.isArray(layer) ? list(layer) : quoted(layer) });
  }
  return keywords;
}

function targetKeyword(session: Session, target: NonNullable<WireTarget>, text: Strings): Keyword {
  if (typeof target === "number") {
    return { name: "target", code: className(session, target) };
  }
  if ("foil" in target) {
    const [one, other] = [target.target, target.foil].map((index) => className(session, index));
    return { name: "target", code: `Contrast(${one}, ${other})` };
  }
  const named = NAME.test(target.callable);
  return { name: "target", code: named ? target.callable : null, remark: text.codeFunction(target.callable) };
}

/** A label says more than a number, where it means one class alone. */
function className({ labels }: Session, index: number): string {
  const label = labels[index] ?? "";
  const alone = label.trim() !== "" && labels.indexOf(label) === labels.lastIndexOf(label);
  return alone ? quoted(label) : String(index);
}

function head(session: Session, { target }: Asked, verb: string, text: Strings): string {
  const contrast = target !== null && typeof target === "object" && "foil" in target;
  const names = [...(contrast ? ["Contrast"] : []), verb].sort((a, b) => (a < b ? -1 : 1));
  const comment = text.codeGiven(session.model, session.names[session.index] ?? "");
  return `from xai_widget import ${names.join(", ")}\n\n# ${oneLine(comment)}\n`;
}

function call(verb: string, keywords: readonly Keyword[]): string {
  const plain = keywords.every(({ remark }) => remark === undefined);
  const written = keywords.map(({ name, code }) => `${name}=${code}`);
  const line = `${verb}(${["model", "img", ...written].join(", ")})`;
  if (plain && line.length <= WIDTH) {
    return line;
  }
  const lines = keywords.flatMap(({ name, code, remark }) => [
    ...(remark === undefined ? [] : [`${INDENT}# ${oneLine(remark)}`]),
    ...(code === null ? [] : [`${INDENT}${name}=${code},`]),
  ]);
  return [`${verb}(`, `${INDENT}model,`, `${INDENT}img,`, ...lines, ")"].join("\n");
}

/** A comment ends with its line. */
function oneLine(words: string): string {
  return words.replace(/\s+/g, " ").trim();
}
