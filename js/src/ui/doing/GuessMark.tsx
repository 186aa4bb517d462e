import { useMemo } from "preact/hooks";
import type { Guess } from "../../doing/guess";
import { outline } from "../../doing/mask";
import { Line } from "./Line";

/** The guess; once the map is revealed, beside the border of the map's strongest places. */
export function GuessMark({ guess }: { guess: Guess }) {
  const mask = guess.paper.mask.value;
  const revealed = guess.revealed.value;
  const places = revealed ? guess.places.value : null;
  const drawn = useMemo(() => outline(mask), [mask]);
  const found = useMemo(() => (places === null ? "" : outline(places)), [places]);
  return (
    <>
      {!revealed && <path class="xai-guess-fill" d={drawn} />}
      <Line path={drawn} />
      <Line path={found} dashed />
    </>
  );
}
