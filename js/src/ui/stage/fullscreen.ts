import { type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

export interface FullScreen {
  readonly active: ReadonlySignal<boolean>;
  toggle(): Promise<void>;
  close(): void;
}

/**
 * Puts an element on the whole screen.
 *
 * Where the browser or the page around it refuses that, the element covers the page instead, as a popover: whatever
 * it stands in cannot cut it off then. Escape leaves both.
 */
export function createFullScreen(root: HTMLElement): FullScreen {
  const { ownerDocument: page } = root;
  const lifetime = new AbortController();
  const active = signal(false);
  let covers = false;

  const update = () => {
    active.value = covers || holder(root).fullscreenElement === root;
    if (active.value) {
      root.dataset.screen = "full";
    } else {
      delete root.dataset.screen;
    }
  };
  const cover = () => {
    covers = true;
    if ("popover" in root) {
      root.popover = "manual";
      root.showPopover();
    }
    update();
  };
  const uncover = () => {
    covers = false;
    if (root.hasAttribute("popover")) {
      root.hidePopover();
      root.removeAttribute("popover");
    }
    update();
  };
  page.addEventListener("fullscreenchange", update, { signal: lifetime.signal });
  page.addEventListener(
    "keydown",
    (event) => {
      if (covers && event.key === "Escape") {
        event.preventDefault();
        uncover();
      }
    },
    { signal: lifetime.signal },
  );
  return {
    active,
    async toggle() {
      if (covers) {
        uncover();
      } else if (active.peek()) {
        await page.exitFullscreen();
      } else {
        await (root.requestFullscreen?.() ?? Promise.reject()).catch(cover);
      }
    },
    close() {
      if (covers) {
        uncover();
      }
      lifetime.abort();
    },
  };
}

/** An element in a shadow tree is the full-screen element of that tree; the page only knows the tree's host. */
function holder(root: HTMLElement): DocumentOrShadowRoot {
  const top = root.getRootNode();
  return top instanceof ShadowRoot ? top : root.ownerDocument;
}

export function useFullScreen(root: HTMLElement): FullScreen {
  const screen = useMemo(() => createFullScreen(root), [root]);
  useEffect(() => () => screen.close(), [screen]);
  return screen;
}
