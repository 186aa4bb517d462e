import { useSignal } from "@preact/signals";
import { createRegions } from "../../doing/regions";
import type { Result, Session } from "../../paint/decode";
import { download, fileName } from "../../taking/download";
import { drawPng, SCALES } from "../../taking/png";
import { useText, useView } from "../context";
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
  return (
    <section class="xai-menu-part">
      <span class="xai-menu-title">{text.pictureFile}</span>
      <div class="xai-row xai-menu-row">
        {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line */}
        <div class="xai-segments" role="group" aria-label={text.pictureSize}>
          {SCALES.map((each) => (
            <button
              key={each}
              type="button"
              class="xai-segment"
              aria-pressed={scale.value === each}
              title={text.pixels(session.width * each, session.height * each)}
              onClick={() => {
                scale.value = each;
              }}
            >
              {text.times(each)}
            </button>
          ))}
        </div>
        <label class="xai-menu-check">
          <input
            type="checkbox"
            class="xai-check"
            checked={bar.value}
            disabled={result === null}
            onChange={(event) => {
              bar.value = event.currentTarget.checked;
            }}
          />
          {text.withBar}
        </label>
      </div>
      <MenuItem
        label={text.savePicture}
        help={text.pixels(session.width * scale.value, session.height * scale.value)}
        onClick={save}
      />
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
