import { classOf, wholeShare } from "../../doing/effect";
import type { Guess } from "../../doing/guess";
import { isBlank } from "../../doing/mask";
import type { Session } from "../../paint/decode";
import { ranking } from "../../ranking";
import { useStore, useText } from "../context";
import { PaperHint } from "./PaperHint";
import { PaperTools } from "./PaperTools";

/** Guess where the model looks, then see. */
export function GuessPanel({ session, guess }: { session: Session; guess: Guess }) {
  const store = useStore();
  const text = useText();
  const order = ranking(session.probabilities);
  const asked = classOf(store.settings.target.value) ?? order[0];
  const label = store.known.value.answer?.result.target_label ?? session.labels[asked] ?? "";
  const next = order[(order.indexOf(asked) + 1) % order.length];
  if (!guess.revealed.value) {
    return (
      <>
        <PaperTools paper={guess.paper} />
        <PaperHint text={text.guessHint(label)} />
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
