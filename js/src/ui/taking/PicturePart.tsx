import { useSignal } from "@preact/signals";
import { createRegions } from "../../doing/regions";
import type { Result, Session } from "../../paint/decode";
import { download, fileName } from "../../taking/download";
import { takenSize } from "../../taking/painting";
import { drawPng, SCALES } from "../../taking/png";
import { Check } from "../Check";
import { useText, useView } from "../context";
import { Segments } from "../Segments";
import { MenuItem } from "./MenuItem";

interface Props {
  session: Session;
  tell(words: string): void;
}

/** The picture as it is painted here, in the size that is wanted. */
export function PicturePart({ session, tell }: Props) {
  const { store, root } = useView();
  const text = useText();
  const scale = useSignal<number>(2);
  const bar = useSignal(true);
  const regions = store.feature(createRegions);
  const answer = store.known.value.answer;
  const result = answer?.result.session === session.index ? answer.result : null;
  const save = async () => {
    const view = store.view.peek();
    const outlined = view.mode === "regions" ? regions.current.peek() : null;
    try {
      const painted = { session, result, view, regions: outlined };
      const file = await drawPng(painted, scale.value, bar.value ? titleOf(result) : null);
      const name = fileName(result === null ? [text.picture] : [result.method, result.target_label], "png");
      download(name, file, root);
      tell(text.saved(name));
    } catch (cause) {
      tell(cause instanceof Error ? cause.message : String(cause));
    }
  };
  const size = takenSize(session, store.view.value);
  const pixels = (times: number) => text.pixels(size.width * times, size.height * times);
  return (
    <section class="xai-menu-part">
      <span class="xai-menu-title">{text.pictureFile}</span>
      <div class="xai-row xai-menu-row">
        <Segments
          label={text.pictureSize}
          names={SCALES}
          word={text.times}
          help={pixels}
          chosen={scale.value}
          onChoose={(each) => {
            scale.value = each;
          }}
        />
        <Check
          label={text.withBar}
          on={bar.value}
          off={result === null}
          onChange={(on) => {
            bar.value = on;
          }}
        />
      </div>
      <MenuItem label={text.savePicture} help={pixels(scale.value)} onClick={save} />
    </section>
  );
}

function titleOf(result: Result | null): string | null {
  if (result === null) {
    return null;
  }
  const layer = [result.layer ?? []].flat().join(" + ");
  return [result.method_label, result.target_label, layer, result.unit].filter(Boolean).join(" · ");
}
