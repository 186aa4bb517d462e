/** Which of the saved maps answers a question, and how questions are put into words. */
import type { FilmPayload, ParamPayload, ResultPayload, Traits, Value, WireTarget } from "../protocol";
import type { Strings } from "../strings";
import type { Say } from "../words";
import type { Saved } from "./saved";

/** The settings that make a question. */
export type Question = Pick<Traits, "active" | "method" | "params" | "target" | "layer">;

/** The page's words, and the kernel's in the same language. */
export interface Speech {
  readonly text: Strings;
  readonly say: Say;
}

/** Parts of a question that do not depend on how it was put, from the coarse to the fine. */
type Key = readonly [active: string, method: string, target: string, layer: string, params: string];

const WHOLE = 5;

/** The newest map that answers a question, by its place, or null. */
export function findMap(saved: Saved, question: Question): number | null {
  return newest(saved, question, WHOLE);
}

/** The newest map of another set-up for the same method and target: of the same layer if there is one. */
export function closestMap(saved: Saved, question: Question): number | null {
  return newest(saved, question, WHOLE - 1) ?? newest(saved, question, WHOLE - 2);
}

/** Whether a film shows the layers for a question: that of its own layer does not matter. */
export function isFilmOf(saved: Saved, film: FilmPayload, question: Question): boolean {
  const { session: active, method, params, target } = film;
  const own = keyOf(saved, { active, method, params, target, layer: question.layer });
  return keyOf(saved, question).every((part, at) => part === own[at]);
}

/** The settings that ask for a map. */
export function questionOf(saved: Saved, map: ResultPayload): Question {
  const method = methodOf(saved, map.session, map.method);
  const usual = map.layer === null || map.layer === method?.default_layer;
  return {
    active: map.session,
    method: map.method,
    params: Object.fromEntries(changedParams(method?.params ?? [], map.params)),
    target: map.target,
    layer: usual ? null : map.layer,
  };
}

/** A question in words: method, class, layer, and the parameters that are not the method's own. */
export function inWords(saved: Saved, question: Question, speech: Speech): string {
  const { sessions } = saved;
  const session = sessions[question.active];
  const picture = sessions.length > 1 ? session.content.names[question.active] : "";
  const parts = [
    picture,
    methodLabel(saved, question),
    targetLabel(saved, question, speech.text),
    setup(saved, question, speech),
  ];
  return parts.filter(Boolean).join(" · ");
}

/** What there is for a picture: the classes, for every way in which they were explained. */
export function holdings(saved: Saved, active: number, speech: Speech): string[] {
  const groups = new Map<string, string[]>();
  for (const { content } of saved.maps.filter(({ content }) => content.session === active)) {
    const question = questionOf(saved, content);
    const way = [methodLabel(saved, question), setup(saved, question, speech)].filter(Boolean).join(" · ");
    groups.set(way, [...(groups.get(way) ?? []), targetLabel(saved, question, speech.text)]);
  }
  return [...groups].map(([way, targets]) => speech.text.heldFor(way, [...new Set(targets)]));
}

/** The newest map whose key agrees in its first `depth` parts. */
function newest(saved: Saved, question: Question, depth: number): number | null {
  const wanted = keyOf(saved, question).slice(0, depth);
  const fits = saved.maps.map(({ content }) => {
    const key = keyOf(saved, questionOf(saved, content));
    return wanted.every((part, at) => part === key[at]);
  });
  const place = fits.lastIndexOf(true);
  return place < 0 ? null : place;
}

function keyOf(saved: Saved, { active, method: id, target, layer, params }: Question): Key {
  const method = methodOf(saved, active, id);
  const layers = method?.uses_layer ? [layer ?? method.default_layer].flat() : [];
  const values = method?.params.map((param) => given(param, params) ?? param.auto) ?? params;
  return [
    String(active),
    id,
    targetKey(target ?? saved.sessions[active].predicted),
    layers.join(" "),
    JSON.stringify(values),
  ];
}

function targetKey(target: WireTarget): string {
  if (target === null || typeof target === "number") {
    return String(target);
  }
  return "foil" in target ? `${target.target} - ${target.foil}` : `code ${target.callable}`;
}

function methodOf(saved: Saved, active: number, id: string) {
  return saved.sessions[active].content.methods.find((method) => method.id === id);
}

function methodLabel(saved: Saved, { active, method }: Question): string {
  return methodOf(saved, active, method)?.label ?? method;
}

function targetLabel(saved: Saved, { active, target }: Question, text: Strings): string {
  const { content, predicted } = saved.sessions[active];
  const label = (index: number) => content.labels[index] ?? String(index);
  const asked = target ?? predicted;
  if (typeof asked === "number") {
    return label(asked);
  }
  return "foil" in asked ? text.rather(label(asked.target), label(asked.foil)) : text.customTarget(asked.callable);
}

/** Layer and parameters in words. */
function setup(saved: Saved, { active, method: id, layer, params }: Question, { text, say }: Speech): string {
  const method = methodOf(saved, active, id);
  const layers = method?.uses_layer ? [layer ?? method.default_layer ?? ""].flat().join(" + ") : "";
  const changed = changedParams(method?.params ?? [], params);
  const words = changed.map(([name, value]) => {
    const label = method?.params.find((param) => param.name === name)?.label ?? name;
    return `${say(label)}: ${valueText(value, text, say)}`;
  });
  return [layers, ...words].filter(Boolean).join(" · ");
}

function valueText(value: Value, text: Strings, say: Say): string {
  if (typeof value === "boolean") {
    return value ? text.on : text.off;
  }
  return value === null ? text.autoValue(null) : typeof value === "string" ? say(value) : String(value);
}

function given(param: ParamPayload, params: Record<string, Value>): Value {
  return param.name in params ? params[param.name] : param.default;
}

function changedParams(known: readonly ParamPayload[], params: Record<string, Value>): [string, Value][] {
  return known.filter((param) => given(param, params) !== param.default).map(({ name }) => [name, params[name]]);
}
