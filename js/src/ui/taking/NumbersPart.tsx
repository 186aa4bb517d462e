import { useRef } from "preact/hooks";
import { download } from "../../taking/download";
import { useText, useView } from "../context";
import { useErrand } from "./errand";
import { MenuItem } from "./MenuItem";

/** The numbers of the map, as the kernel writes them; without a kernel there is nobody to write them. */
export function NumbersPart({ tell }: { tell(words: string): void }) {
  const { store, root } = useView();
  const text = useText();
  const format = useRef<"npz" | "nii.gz">("npz");
  const { waiting, begin } = useErrand(async () => {
    const { message, buffers } = await store.ask("save", { format: format.current });
    if (message.kind === "saved" && buffers[0]) {
      download(message.name, new Blob([copied(buffers[0])], { type: message.mime }), root);
      tell(text.saved(message.name));
    }
  }, tell);
  if (!store.live) {
    return null;
  }
  const save = (wanted: "npz" | "nii.gz") => () => {
    format.current = wanted;
    void begin();
  };
  return (
    <section class="xai-menu-part">
      <span class="xai-menu-title">{text.numbers}</span>
      <MenuItem label={text.saveNumbers} help={text.saveNumbersHelp} disabled={waiting.value} onClick={save("npz")} />
      {store.known.value.session?.volume && (
        <MenuItem label={text.saveNifti} help={text.saveNiftiHelp} disabled={waiting.value} onClick={save("nii.gz")} />
      )}
    </section>
  );
}

/** A buffer of a message may lie in shared memory, from which no file is made. */
function copied({ buffer, byteOffset, byteLength }: DataView): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new Uint8Array(buffer, byteOffset, byteLength));
}
