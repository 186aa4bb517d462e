import { useText, useView } from "../context";
import { useErrand } from "./errand";
import { MenuItem } from "./MenuItem";

/** A picture in the widget's place. */
export function NotebookPart({ tell }: { tell(words: string): void }) {
  const { store } = useView();
  const text = useText();
  const { waiting, begin } = useErrand(async () => {
    await store.ask("freeze", {});
  }, tell);
  if (!store.live) {
    return null;
  }
  return (
    <section class="xai-menu-part">
      <span class="xai-menu-title">{text.notebook}</span>
      <MenuItem label={text.freeze} help={text.freezeHelp} disabled={waiting.value} onClick={begin} />
    </section>
  );
}
