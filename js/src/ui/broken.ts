import type { Strings } from "../strings";

/** The last resort where not even the first drawing worked: plain elements, so that the cell is not left blank. */
export function drawBroken(el: HTMLElement, cause: unknown, text: Strings): void {
  const root = document.createElement("div");
  root.className = "xai-widget";
  root.dataset.state = "error";
  const box = document.createElement("div");
  box.className = "xai-error";
  box.setAttribute("role", "alert");
  const title = document.createElement("strong");
  title.textContent = text.broken;
  const hint = document.createElement("p");
  hint.textContent = text.brokenHint;
  const details = document.createElement("pre");
  details.className = "xai-trace";
  details.textContent = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  box.append(title, hint, details);
  root.append(box);
  el.replaceChildren(root);
}
