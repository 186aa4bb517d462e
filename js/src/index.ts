import type { AnyModel, InitializeProps, RenderProps } from "@anywidget/types";
import type { Traits } from "./protocol";
import { createStore, type Store } from "./state";
import { strings } from "./strings";
import { drawBroken } from "./ui/broken";
import { mount } from "./ui/mount";

/** The host calls this once a widget, so that its views share one state and two widgets share none. */
export default () => {
  let store: Store | undefined;
  const open = (model: AnyModel<Traits>, signal: AbortSignal) => {
    store ??= createStore(model, signal);
    return store;
  };
  return {
    initialize({ model, signal }: InitializeProps<Traits>) {
      const lifetime = follow(signal);
      const { known, greet } = open(model, lifetime.signal);
      if (known.peek().status.request_id === null) {
        // It was made just now. What its first view shows can come while the kernel still works on the map.
        greet(false);
      }
      return () => lifetime.abort();
    },
    render({ model, el, signal }: RenderProps<Traits>) {
      const lifetime = follow(signal);
      try {
        mount(el, open(model, lifetime.signal), lifetime.signal);
      } catch (cause) {
        drawBroken(el, cause, store?.text.peek() ?? strings(null));
      }
      return () => lifetime.abort();
    },
  };
};

/** Older hosts pass no signal and call the returned function instead; both end the same lifetime. */
function follow(signal: AbortSignal | undefined): AbortController {
  const lifetime = new AbortController();
  signal?.addEventListener("abort", () => lifetime.abort(), { once: true });
  return lifetime;
}
