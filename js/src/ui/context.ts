import type { ReadonlySignal, Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useMemo } from "preact/hooks";
import type { State, View } from "../protocol";
import type { Answer } from "../reducer";
import type { Store } from "../state";
import type { Strings } from "../strings";
import type { Say } from "../words";
import type { Probe, Tool, Viewport } from "./view";

/** What one view needs: the widget's shared state, and what this view has painted of it. */
export interface ViewContext {
  readonly store: Store;
  readonly painted: Signal<Answer | null>;
  readonly shown: ReadonlySignal<State>;
  readonly tool: Signal<Tool>;
  readonly probe: Signal<Probe | null>;
  readonly viewport: Signal<Viewport>;
  /** Whether the map must not be seen: somebody guesses where it is. */
  readonly hidden: ReadonlySignal<boolean>;
  /** The element that is enlarged to the whole screen. */
  readonly root: HTMLElement;
}

export const Context = createContext<ViewContext | null>(null);

export function useView(): ViewContext {
  const context = useContext(Context);
  if (context === null) {
    throw new Error("A component of xai-widget is used outside of its view.");
  }
  return context;
}

export function useStore(): Store {
  return useView().store;
}

/**
 * The display settings of this view: while the map is hidden, the picture alone.
 *
 * They stay the same object until something is to be painted in another way: the crosshair of a volume is not in them.
 */
export function useShownView(): View {
  const { store, hidden } = useView();
  const [view, alone] = [store.view.value, hidden.value];
  const look = { ...view, crosshair: null };
  return useMemo(() => (alone ? { ...look, mode: "image", box: false } : look), [JSON.stringify(look), alone]);
}

/** The words of the interface, in the widget's language. */
export function useText(): Strings {
  return useStore().text.value;
}

/** What says the kernel's texts in that language; needed for those alone that are not in what is known. */
export function useWords(): Say {
  return useStore().say;
}
