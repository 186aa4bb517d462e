import { useSignal } from "@preact/signals";
import { useText, useView } from "../context";
import { MenuItem } from "./MenuItem";

/** A picture in the widget's place. */
export function NotebookPart({ tell }: { tell(words: string): void }) {
  const { store } = useView();
  const text = useText();
  const waiting = useSignal(false);
  if (!store.live) {
    return null;
  }
  const freeze = async () => {
    waiting.value = true;
    try {
      await store.ask("freeze", {});
    } catch (cause) {
      tell(cause instanceof Error ? cause.message : String(cause));
    } finally {
      waiting.value = false;
    }
  };
  return (
    <section class="xai-menu-part">
      <span class="xai-menu-title">{text.notebook}</span>
      <MenuItem label={text.freeze} help={text.freezeHelp} disabled={waiting.value} onClick={freeze} />
    </section>
  );
}
