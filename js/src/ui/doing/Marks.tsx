import { createCover } from "../../doing/cover";
import { createGuess } from "../../doing/guess";
import type { Session } from "../../paint/decode";
import { useText, useView } from "../context";
import { CoverMark } from "./CoverMark";
import { GuessMark } from "./GuessMark";
import { PaperMark } from "./PaperMark";
import { RegionMarks } from "./RegionMarks";

/** What lies over the picture, in its own pixels: what was painted, and the regions. */
export function Marks({ session }: { session: Session }) {
  const { store, tool } = useView();
  const text = useText();
  const cover = store.feature(createCover);
  const guess = store.feature(createGuess);
  switch (tool.value) {
    case "look":
      return <RegionMarks />;
    case "cover":
      return (
        <>
          <CoverMark session={session} cover={cover} />
          <PaperMark session={session} paper={cover.paper} label={text.coverPaper} />
        </>
      );
    case "predict":
      return (
        <>
          <GuessMark guess={guess} />
          {!guess.revealed.value && <PaperMark session={session} paper={guess.paper} label={text.guessPaper} />}
        </>
      );
  }
}
