import type { AnyModel } from "@anywidget/types";
import type { ClientMessage, KernelMessage, Trait, Traits } from "../protocol";

type Listener = (...content: unknown[]) => void;

/** The kernel's end of a model that has no kernel. */
export interface Line {
  readonly model: AnyModel<Traits>;
  readonly traits: Readonly<Traits>;
  set<T extends Trait>(name: T, value: Traits[T]): void;
  tell(message: KernelMessage, buffers?: readonly DataView[]): void;
}

interface Ears {
  /** The page has changed settings, and saved them. */
  onSave(names: ReadonlySet<Trait>): void;
  onMessage(message: ClientMessage): void;
}

/** A model whose other end is on the same page. Like a kernel it answers later, never while it is being asked. */
export function createLine(initial: Traits, ears: Ears): Line {
  const traits: Traits = { ...initial };
  const listeners = new Map<string, Set<Listener>>();
  let unsaved = new Set<Trait>();

  const emit = (event: string, ...content: unknown[]) => {
    for (const listener of listeners.get(event) ?? []) {
      listener(...content);
    }
  };
  const set = <T extends Trait>(name: T, value: Traits[T]) => {
    traits[name] = value;
    emit(`change:${name}`);
  };
  const model = {
    get: (name: Trait) => traits[name],
    set<T extends Trait>(name: T, value: Traits[T]) {
      unsaved.add(name);
      set(name, value);
    },
    save_changes() {
      const names = unsaved;
      unsaved = new Set();
      queueMicrotask(() => ears.onSave(names));
    },
    send: (message: ClientMessage) => queueMicrotask(() => ears.onMessage(message)),
    on(event: string, listener: Listener) {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener));
    },
    off(event: string, listener: Listener) {
      listeners.get(event)?.delete(listener);
    },
  };
  return {
    // The widget uses these parts alone.
    model: model as unknown as AnyModel<Traits>,
    traits,
    set,
    tell: (message, buffers = []) => emit("msg:custom", message, buffers),
  };
}
