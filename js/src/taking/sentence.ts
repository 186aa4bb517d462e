/** What the model says and what hiding places does to it, in words: measured numbers, and nothing else. Pure. */
import { formatShare, formatValue } from "../format";
import type { Regions, Result, Session } from "../paint/decode";
import type { RegionPayload } from "../protocol";
import { areProbabilities, ranking } from "../ranking";
import type { Strings } from "../strings";
import type { Effect } from "../strings/en/taking";

/** A probability that moves by less than half a point is said not to move: the sentence counts whole points. */
const HALF_A_POINT = 0.005;
/** So is a score that moves by less than this share of the largest score that was measured. */
const SMALL_SHARE = 0.005;

/**
 * The simple view's sentences, one an entry.
 *
 * @param result the map that is shown; null while there is none
 * @param regions its regions with their measured effects; null while they are being measured
 */
export function sentence(session: Session, result: Result | null, regions: Regions | null, text: Strings): string[] {
  const said = [says(session, text)].filter((words) => words !== "");
  if (result === null || result.session !== session.index) {
    return said;
  }
  if (regions === null) {
    return [...said, text.measuringPlaces];
  }
  if (regions.regions.length === 0) {
    return [...said, text.noPlace(result.target_label)];
  }
  return [...said, ...asked(session, result, regions, text), text.effects(effectsOf(regions, text))];
}

/** What hiding each region does, the strongest first. */
export function effectsOf({ quantity, regions }: Regions, text: Strings): Effect[] {
  const shares = quantity === "probability";
  const largest = regions.reduce((most, { before, after }) => Math.max(most, Math.abs(before), Math.abs(after)), 0);
  const still = shares ? HALF_A_POINT : SMALL_SHARE * largest;
  return regions.map(({ before, after }: RegionPayload, index) => {
    const size = Math.abs(after - before);
    const moves = size > 0 && size >= still;
    return {
      place: index + 1,
      change: !moves ? "nothing" : after < before ? "lowers" : "raises",
      amount: shares ? text.fewPoints(Math.round(size * 100)) : text.score(size),
    };
  });
}

/** A probability in whole per cents, as long as it is neither certain nor impossible. */
export function wholeShare(share: number): string {
  const percent = Math.round(share * 100);
  return percent > 0 && percent < 100 ? `${percent} %` : formatShare(share);
}

function says(session: Session, text: Strings): string {
  const { probabilities } = session;
  const [top] = ranking(probabilities);
  if (top === undefined) {
    return "";
  }
  const label = session.labels[top] ?? String(top);
  return areProbabilities(probabilities)
    ? text.says(label, wholeShare(probabilities[top]))
    : text.scoresHighest(label, formatValue(probabilities[top]));
}

/** What "it" is, where the question is not about the class that the model says. */
function asked(session: Session, result: Result, { quantity, regions }: Regions, text: Strings): string[] {
  const shares = quantity === "probability";
  const [top] = ranking(session.probabilities);
  if ((result.target === top || result.target === null) && shares === areProbabilities(session.probabilities)) {
    return [];
  }
  const [{ before }] = regions;
  const { target_label: label } = result;
  return [shares ? text.askedShare(label, wholeShare(before)) : text.askedScore(label, formatValue(before))];
}
