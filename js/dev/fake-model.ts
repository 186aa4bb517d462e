import type { Traits } from "../src/protocol";

type Callback = (...values: never[]) => void;

/** As much of a host's model as the widget uses, with a record of what was sent. */
export interface FakeModel {
  get<T extends keyof Traits>(name: T): Traits[T];
  set<T extends keyof Traits>(name: T, value: Traits[T]): void;
  save_changes(): void;
  send(content: unknown): void;
  on(event: string, callback: Callback): void;
  off(event: string, callback: Callback): void;
  /** What the kernel would have received. */
  readonly sent: { kind: "traits" | "message"; content: unknown }[];
  /** The kernel's side: set a trait, say something, listen. */
  push<T extends keyof Traits>(name: T, value: Traits[T]): void;
  tell(content: unknown, buffers?: ArrayBuffer[]): void;
  answer: (what: { traits: Partial<Traits> } | { message: { kind: string; request_id: string } }) => void;
}

export function createFakeModel(traits: Traits): FakeModel {
  const values = { ...traits };
  const listeners = new Map<string, Set<Callback>>();
  let changed: Partial<Traits> = {};
  const emit = (event: string, ...content: unknown[]) => {
    for (const callback of listeners.get(event) ?? []) {
      (callback as (...values: unknown[]) => void)(...content);
    }
  };
  const model: FakeModel = {
    sent: [],
    get: (name) => values[name],
    set(name, value) {
      values[name] = value;
      changed = { ...changed, [name]: value };
      emit(`change:${name}`);
    },
    save_changes() {
      const update = changed;
      changed = {};
      if (Object.keys(update).length > 0) {
        model.sent.push({ kind: "traits", content: structuredClone(update) });
        model.answer({ traits: update });
      }
    },
    send(content) {
      model.sent.push({ kind: "message", content });
      model.answer({ message: content as { kind: string; request_id: string } });
    },
    on: (event, callback) => void listeners.set(event, (listeners.get(event) ?? new Set()).add(callback)),
    off: (event, callback) => void listeners.get(event)?.delete(callback),
    push(name, value) {
      values[name] = value;
      emit(`change:${name}`);
    },
    tell(content, buffers = []) {
      emit("msg:custom", content, buffers.map(padded));
    },
    answer: () => undefined,
  };
  return model;
}

/** Buffers arrive somewhere inside a larger message. */
function padded(buffer: ArrayBuffer): DataView {
  const larger = new Uint8Array(buffer.byteLength + 12);
  larger.set(new Uint8Array(buffer), 8);
  return new DataView(larger.buffer, 8, buffer.byteLength);
}
