import { classOf, wholeShare } from "../../doing/effect";
import type { Guess } from "../../doing/guess";
import { isBlank } from "../../doing/mask";
import type { Session } from "../../paint/decode";
import type { WireTarget } from "../../protocol";
import { ranking } from "../../ranking";
import type { Strings } from "../../strings";
import { useStore, useText } from "../context";
import { PaperHint } from "./PaperHint";
import { PaperTools } from "./PaperTools";

/** Guess where the model looks, then see. */
export function GuessPanel({ session, guess }: { session: Session; guess: Guess }) {
  const store = useStore();
  const text = useText();
  const order = ranking(session.probabilities);
  const target = store.settings.target.value;
  const asked = classOf(target) ?? order[0];
  const next = order[(order.indexOf(asked) + 1) % order.length];
  if (!guess.revealed.value) {
    return (
      <>
        <PaperTools paper={guess.paper} />
        <PaperHint text={text.guessHint(inWords(target, session, text))} />
        <div class="xai-row">
          <button
            type="button"
            class="xai-button xai-primary"
            onClick={() => {
              guess.revealed.value = true;
            }}
          >
            {text.reveal}
          </button>
        </div>
      </>
    );
  }
  return (
    <>
      <Verdict guess={guess} />
      <div class="xai-row">
        <button type="button" class="xai-button" onClick={guess.again}>
          {text.tryAgain}
        </button>
        {store.live && order.length > 1 && (
          <button
            type="button"
            class="xai-button"
            title={session.labels[next]}
            onClick={() => {
              guess.again();
              store.change({ target: next });
            }}
          >
            {text.nextClass}
          </button>
        )}
      </div>
    </>
  );
}

/** What is asked about; the map that will be shown may still be on its way. */
function inWords(target: WireTarget, { labels, probabilities }: Session, text: Strings): string {
  if (target === null || typeof target === "number") {
    return labels[target ?? ranking(probabilities)[0]] ?? "";
  }
  return "foil" in target
    ? text.rather(labels[target.target] ?? "", labels[target.foil] ?? "")
    : text.customTarget(target.callable);
}

function Verdict({ guess }: { guess: Guess }) {
  const store = useStore();
  const text = useText();
  const places = guess.places.value;
  const agreement = guess.agreement.value;
  const say = () => {
    if (places === null) {
      return text.noMapYet;
    }
    if (agreement === null) {
      return text.nothingToAgree;
    }
    return isBlank(guess.paper.mask.value) ? text.nothingGuessed : text.agreement(wholeShare(agreement));
  };
  return (
    <>
      <output class="xai-verdict" aria-live="polite">
        {say()}
      </output>
      {agreement !== null && (
        <p class="xai-help-text">{text.agreementHelp(wholeShare(store.view.value.box_threshold))}</p>
      )}
    </>
  );
}
