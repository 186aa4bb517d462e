import type { AnyModel } from "@anywidget/types";
import { type ReadonlySignal, signal } from "@preact/signals";
import { type ClientMessage, IDLE, type State, type Trait, type Traits } from "../protocol";
import { createDesk } from "./desk";
import { closestMap, findMap, holdings, inWords, type Question, questionOf, type Speech } from "./lookup";
import { createLine } from "./model";
import type { Saved } from "./saved";

const QUESTION: readonly Trait[] = ["active", "method", "params", "target", "layer"] satisfies (keyof Question)[];

export interface Host {
  readonly model: AnyModel<Traits>;
  /** Place of the map that is shown; null while a question has none. */
  readonly shown: ReadonlySignal<number | null>;
  /** Show a map, and set the controls to its question. */
  show(place: number): void;
}

/** A host without a kernel: it answers as the kernel does, from what was saved. */
export function createHost(saved: Saved, speech: Speech): Host {
  const { text } = speech;
  // Nothing takes time here, so that there is no reason to wait for a press on Run.
  const settings = { ...saved.settings, auto_run: true, status: IDLE };
  const line = createLine(settings, { onSave, onMessage });
  const shown = signal<number | null>(null);
  const desk = createDesk(saved, line, () => ({ place: shown.peek(), request }), text);
  let request = 0;

  function onSave(names: ReadonlySet<Trait>): void {
    if (!QUESTION.some((name) => names.has(name))) {
      return;
    }
    if (names.has("active")) {
      tellSession();
    }
    const exact = findMap(saved, line.traits);
    // Who chooses a method has not said anything about its layer and parameters yet.
    const other = exact === null && names.has("method") ? closestMap(saved, line.traits) : null;
    if (other === null) {
      answer(exact);
    } else {
      show(other);
    }
  }

  function onMessage(message: ClientMessage): void {
    const { kind, request_id } = message;
    if (kind === "hello") {
      greet();
    } else if (kind === "run") {
      answer(findMap(saved, line.traits));
    } else if (kind !== "cancel") {
      desk.answer(message);
      return;
    }
    line.tell({ kind: "ack", request_id, of: kind, message: "" });
  }

  function greet(): void {
    tellSession();
    desk.greet();
    const place = saved.shown ?? findMap(saved, line.traits);
    if (place === null) {
      show(saved.maps.length - 1);
    } else {
      answer(place);
    }
  }

  function show(place: number): void {
    const question = questionOf(saved, saved.maps[place].content);
    const another = question.active !== line.traits.active;
    for (const [name, value] of Object.entries(question) as [Trait, never][]) {
      line.set(name, value);
    }
    if (another) {
      tellSession();
    }
    answer(place);
  }

  function answer(place: number | null): void {
    request += 1;
    shown.value = place;
    tellStatus("running");
    if (place !== null) {
      const { content, buffers } = saved.maps[place];
      line.tell({ kind: "result", request_id: request, result: content }, buffers);
      tellStatus("done");
      return;
    }
    const title = text.notSaved(inWords(saved, line.traits, speech));
    const hint = text.held(holdings(saved, line.traits.active, speech));
    line.tell({ kind: "error", request_id: request, error: { title, hint, traceback: "" } });
    tellStatus("error", text.notComputed);
  }

  function tellSession(): void {
    const { content, buffers } = saved.sessions[line.traits.active];
    line.tell({ kind: "session", request_id: null, session: content }, buffers);
  }

  function tellStatus(state: State, message = ""): void {
    line.set("status", { state, request_id: request, fraction: state === "done" ? 1 : 0, message, eta_s: null });
  }

  return { model: line.model, shown, show };
}
