/** What leaves the page: files and text. */

/** Give a person a file, as the browser does with links. */
export function download(name: string, content: Blob, near: HTMLElement): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.hidden = true;
  // Firefox follows links of the document alone; inside the widget, no click of it reaches a cell.
  near.append(link);
  link.click();
  link.remove();
  // The browser reads the file after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Copy text; returns whether the browser let us. */
export async function copyText(text: string, near: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelection(text, near);
  }
}

/** Pages without https have no clipboard; there a selected text is copied by the browser's own command. */
function copySelection(text: string, near: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "xai-offscreen";
  area.setAttribute("aria-hidden", "true");
  // In marimo the page is a shadow root, which knows what is focused in it.
  const top = near.getRootNode();
  const focused = top instanceof ShadowRoot ? top.activeElement : document.activeElement;
  near.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) {
    focused.focus();
  }
  return copied;
}

/** A file name of what is shown: letters, digits and dashes, in any language. */
export function fileName(words: readonly string[], suffix: string): string {
  const stem = words
    .join(" ")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 80);
  return `${stem || "heat-map"}.${suffix}`;
}
