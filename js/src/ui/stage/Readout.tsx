import { formatValue } from "../../format";
import type { Result, Session } from "../../paint/decode";
import type { Strings } from "../../strings";
import { useText, useView } from "../context";
import type { Rank } from "./rank";
import { type Reading, readingAt } from "./reading";

/** The pixel that is pointed at, its value, and how that compares with the rest of the picture. */
export function Readout({ session, result }: { session: Session; result: Result | null }) {
  const { store, probe, tool } = useView();
  const text = useText();
  const at = probe.value;
  const reading = readingAt(session, result, at, store.view.value.cells);
  return (
    <output class="xai-readout" aria-live={at?.spoken ? "polite" : "off"}>
      {at === null ? (
        tool.value === "look" && <span class="xai-quiet">{text.pointHint}</span>
      ) : (
        <>
          <span class="xai-number">{text.pixel(at.x, at.y)}</span> {reading && <Value reading={reading} text={text} />}
        </>
      )}
    </output>
  );
}

export function Value({ reading: { value, error, rank }, text }: { reading: Reading; text: Strings }) {
  return (
    <>
      <span class="xai-number">
        <strong>{formatValue(value)}</strong>
        {error !== null && <span class="xai-quiet"> {text.standardError(formatValue(error))}</span>}
      </span>{" "}
      {rank !== null && <span class="xai-quiet">{rankInWords(rank, text)}</span>}
    </>
  );
}

/** Rounded down, so that nothing is "higher than 100 %". */
function rankInWords(rank: Rank, text: Strings): string {
  return typeof rank === "string" ? text[rank] : text.higherThan(Math.floor(rank.lower * 100));
}
