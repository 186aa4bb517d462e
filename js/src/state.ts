import type { AnyModel } from "@anywidget/types";
import { batch, computed, type ReadonlySignal, signal } from "@preact/signals";
import { createGate } from "./gate";
import { createLanguages } from "./languages";
import { mirror, type Settings } from "./mirror";
import type { Result } from "./paint/decode";
import { createWatch } from "./patience";
import {
  type Asks,
  type ClientKind,
  DEFAULT_VIEW,
  type ErrorPayload,
  type KernelKind,
  type KernelMessage,
  type Trait,
  type Traits,
  type View,
} from "./protocol";
import { type Known, nothingKnown, receive, receiveStatus } from "./reducer";
import { type Catalogues, ENGLISH, type Language, type Strings } from "./strings";
import type { Say } from "./words";

/** The settings that start a computation when they change. */
const QUESTIONS: readonly Trait[] = ["method", "params", "target", "layer", "active"];

/** One widget, as every view of it sees it. */
export interface Store {
  readonly settings: Settings;
  readonly known: ReadonlySignal<Known>;
  /** The display settings as they look now: they may be ahead of the kernel while a control is dragged. */
  readonly view: ReadonlySignal<View>;
  /** Whether a kernel is there; a saved page answers from what was computed. */
  readonly live: boolean;
  /** A message has waited too long for its answer. */
  readonly silent: ReadonlySignal<boolean>;
  readonly text: ReadonlySignal<Strings>;
  /** The language of the interface: the one that is wanted, or English until the kernel has sent it. */
  readonly language: ReadonlySignal<Language>;
  /** Texts that the kernel tells, in that language; in `known` they are so already. */
  readonly say: Say;
  /** A map that is not in `known`, its texts in that language; the same object for the same one. */
  translateResult(result: Result): Result;
  /** Change settings, in one update. */
  change(values: Partial<Traits>): void;
  /** Try display settings without telling the kernel. */
  preview(values: Partial<View>): void;
  /** Tell the kernel about display settings, if they differ from what it knows. */
  keep(values: Partial<View>): void;
  /** Tell the kernel that a page is there, and, from then on, that a view of it is: work may start. */
  greet(view: boolean): void;
  /** Say something whose answer, if any, is news for everybody. */
  send(kind: ClientKind): void;
  /**
   * Ask something that is answered to the asker alone.
   *
   * @returns the first message that carries this request's name
   * @throws Refusal what the kernel says of a question that it cannot answer
   */
  ask<K extends ClientKind>(kind: K, content: Asks[K], buffers?: readonly ArrayBuffer[]): Promise<Reply>;
  /** Hear a kind of message, whoever asked for it, until the widget is gone. */
  listen<K extends KernelKind>(kind: K, heard: (message: MessageOf<K>, buffers: readonly DataView[]) => void): void;
  /** A part of the widget's state that belongs to one feature: made once, shared by all views. */
  feature<T>(make: (store: Store) => T): T;
}

export type MessageOf<K extends KernelKind> = Extract<KernelMessage, { kind: K }>;

export interface Reply {
  readonly message: KernelMessage;
  readonly buffers: readonly DataView[];
}

/** What the kernel says instead of an answer. */
export class Refusal extends Error {
  constructor(readonly error: ErrorPayload) {
    super(error.title);
  }
}

/**
 * Mirror a model in signals, until `lifetime` ends.
 *
 * Traits and messages arrive here and nowhere else; views read signals and call the verbs.
 *
 * @param inside the languages that the page need not be sent
 */
export function createStore(
  model: AnyModel<Traits>,
  lifetime: AbortSignal,
  live = true,
  inside: Catalogues = ENGLISH,
): Store {
  const settings = mirror(model, lifetime);
  const known = signal(nothingKnown(settings.status.peek()));
  const draft = signal<Partial<View>>({});
  const waiting = createWatch(lifetime);
  // Two pages may talk to the same kernel, so that a counter alone would not tell their requests apart.
  const page = Math.random().toString(36).slice(2, 8);
  const hellos = new Set<string>();
  const asked = new Map<string, { resolve(reply: Reply): void; reject(cause: unknown): void }>();
  const listeners = new Map<string, ((message: never, buffers: readonly DataView[]) => void)[]>();
  const features = new Map<unknown, unknown>();
  let sent = 0;

  const stopListening = settings.status.subscribe((status) => {
    known.value = receiveStatus(known.peek(), status);
    waiting.heard();
  });
  const { pass: onMessage, closeFor } = createGate((message: KernelMessage, buffers: DataView[]) => {
    waiting.heard();
    const reply = { message, buffers: buffers ?? [] };
    if (answered(reply)) {
      return;
    }
    for (const heard of listeners.get(message.kind) ?? []) {
      heard(message as never, reply.buffers);
    }
    known.value = receiveSafely(known.peek(), message, reply.buffers, hellos, text.peek());
  });
  const answered = (reply: Reply): boolean => {
    const { kind, request_id: id } = reply.message;
    const asker = typeof id === "string" ? asked.get(id) : undefined;
    if (asker === undefined || typeof id !== "string") {
      return false;
    }
    asked.delete(id);
    if (kind === "error") {
      asker.reject(new Refusal(reply.message.error));
    } else {
      asker.resolve(reply);
    }
    return true;
  };
  const post = (kind: ClientKind, content: object, buffers?: readonly ArrayBuffer[]): string => {
    sent += 1;
    const id = `${page}-${sent}`;
    model.send({ kind, request_id: id, ...content }, undefined, buffers && [...buffers]);
    waiting.begin();
    return id;
  };
  model.on("msg:custom", onMessage);
  lifetime.addEventListener("abort", () => {
    stopListening();
    model.off("msg:custom", onMessage);
  });

  const { wanted, language, text, say, translate, translateResult, learn } = createLanguages(settings.locale, inside);
  const view = computed<View>(() => ({ ...DEFAULT_VIEW, ...settings.view.value, ...draft.value }));

  const store: Store = {
    settings,
    known: computed(() => translate(known.value)),
    view,
    live,
    silent: waiting.silent,
    text,
    language,
    say,
    translateResult,
    change(values) {
      for (const [name, value] of Object.entries(values) as [Trait, never][]) {
        model.set(name, value);
      }
      model.save_changes();
      if (settings.auto_run.peek() && QUESTIONS.some((name) => name in values)) {
        waiting.begin();
      }
    },
    preview(values) {
      draft.value = { ...draft.peek(), ...values };
    },
    keep(values) {
      const before: View = { ...DEFAULT_VIEW, ...settings.view.peek() };
      const after: View = { ...before, ...values };
      // In one batch, so that no view shows the old settings between the draft and the trait.
      batch(() => {
        draft.value = {};
        if ((Object.keys(after) as (keyof View)[]).some((key) => String(after[key]) !== String(before[key]))) {
          model.set("view", after);
          model.save_changes();
        }
      });
    },
    greet(view) {
      hellos.add(post("hello", { language: wanted.peek(), page, view }));
    },
    send(kind) {
      post(kind, {});
    },
    ask(kind, content, buffers) {
      return new Promise<Reply>((resolve, reject) => {
        asked.set(post(kind, content, buffers), { resolve, reject });
      });
    },
    listen(kind, heard) {
      listeners.set(kind, [...(listeners.get(kind) ?? []), heard as never]);
    },
    feature<T>(make: (store: Store) => T): T {
      if (!features.has(make)) {
        features.set(make, make(store));
      }
      return features.get(make) as T;
    },
  };
  store.listen("words", (message) => {
    const reading = learn(message);
    if (reading !== null) {
      // A session that came meanwhile would be drawn in English, and anew a moment later.
      closeFor(reading);
    }
  });
  return store;
}

/** A message that cannot be read is an error to be shown, not one to be lost in the browser's console. */
function receiveSafely(
  known: Known,
  message: KernelMessage,
  buffers: readonly DataView[],
  hellos: ReadonlySet<string>,
  text: Strings,
): Known {
  try {
    return receive(known, message, buffers, hellos);
  } catch (cause) {
    const traceback = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    const error = { title: text.unreadable, hint: text.unreadableHint, traceback };
    return { ...known, failure: { requestId: null, error } };
  }
}
