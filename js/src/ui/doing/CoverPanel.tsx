import type { Cover } from "../../doing/cover";
import type { Session } from "../../paint/decode";
import { type CoverFill, FILLS } from "../../protocol";
import { useText } from "../context";
import { EffectBars } from "./EffectBars";
import { PaperTools } from "./PaperTools";

/** With what to cover, and what it does. */
export function CoverPanel({ session, cover }: { session: Session; cover: Cover }) {
  const text = useText();
  return (
    <>
      <PaperTools paper={cover.paper} />
      <div class="xai-paper-tools">
        <label class="xai-row">
          <span class="xai-label">{text.coverWith}</span>
          <select
            class="xai-select"
            aria-label={text.coverWith}
            value={cover.fill.value}
            onChange={(event) => {
              cover.fill.value = event.currentTarget.value as CoverFill;
            }}
          >
            {FILLS.map((fill) => (
              <option key={fill} value={fill}>
                {text.coverFills[fill]}
              </option>
            ))}
          </select>
        </label>
        <label class="xai-row" title={text.keepOnlyHelp}>
          <input
            type="checkbox"
            class="xai-check"
            checked={cover.keep.value}
            onChange={(event) => {
              cover.keep.value = event.currentTarget.checked;
            }}
          />
          <span>{text.keepOnly}</span>
        </label>
      </div>
      <EffectBars session={session} cover={cover} />
    </>
  );
}
