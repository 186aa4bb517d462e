import type { Cover } from "../../doing/cover";
import type { Session } from "../../paint/decode";
import { type CoverFill, FILLS } from "../../protocol";
import { Check } from "../Check";
import { useText } from "../context";
import { Select } from "../Select";
import { EffectBars } from "./EffectBars";
import { PaperTools } from "./PaperTools";

/** With what to cover, and what it does. */
export function CoverPanel({ session, cover }: { session: Session; cover: Cover }) {
  const text = useText();
  return (
    <>
      <PaperTools paper={cover.paper} />
      <div class="xai-paper-tools">
        <Select
          label={text.coverWith}
          value={cover.fill.value}
          onChange={(fill) => {
            cover.fill.value = fill as CoverFill;
          }}
        >
          {FILLS.map((fill) => (
            <option key={fill} value={fill}>
              {text.coverFills[fill]}
            </option>
          ))}
        </Select>
        <Check
          label={text.keepOnly}
          help={text.keepOnlyHelp}
          on={cover.keep.value}
          onChange={(on) => {
            cover.keep.value = on;
          }}
        />
      </div>
      <EffectBars session={session} cover={cover} />
    </>
  );
}
