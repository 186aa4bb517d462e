import { computed, effect, signal } from "@preact/signals";
import { render } from "preact";
import { createGuess } from "../doing/guess";
import { type Answer, shownState } from "../reducer";
import type { Store } from "../state";
import { Boundary } from "./Boundary";
import { Context } from "./context";
import { type Probe, type Tool, type Viewport, WHOLE } from "./view";
import { Widget } from "./Widget";

/** Draw a view of the widget into an element, until `lifetime` ends. */
export function mount(el: HTMLElement, store: Store, lifetime: AbortSignal): void {
  const root = document.createElement("div");
  root.className = "xai-widget";
  // Selects and sliders are not editable text, so JupyterLab would take the arrow keys to move between cells. Its
  // shortcuts match the focused element before they look at what is around it: both must say no.
  root.dataset.lmSuppressShortcuts = "true";
  const keepKeys = ({ target }: FocusEvent) => {
    if (target instanceof HTMLElement || target instanceof SVGElement) {
      target.dataset.lmSuppressShortcuts = "true";
    }
  };
  root.addEventListener("focusin", keepKeys, { capture: true, signal: lifetime });

  const painted = signal<Answer | null>(null);
  const shown = computed(() => shownState(store.known.value, painted.value));
  const tool = signal<Tool>("look");
  const probe = signal<Probe | null>(null);
  const viewport = signal<Viewport>(WHOLE);
  const hidden = computed(() => tool.value === "predict" && !store.feature(createGuess).revealed.value);
  const stop = effect(() => {
    root.lang = store.language.value;
    root.dataset.state = shown.value;
    root.dataset.request = String(store.known.value.status.request_id ?? "");
  });
  lifetime.addEventListener("abort", () => {
    stop();
    render(null, root);
    root.remove();
  });

  el.classList.add("xai-host");
  el.append(root);
  render(
    <Context.Provider value={{ store, painted, shown, tool, probe, viewport, hidden, root }}>
      <Boundary text={store.text}>
        <Widget />
      </Boundary>
    </Context.Provider>,
    root,
  );
  store.greet(true);
}
