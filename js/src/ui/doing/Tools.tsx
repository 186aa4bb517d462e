import { useEffect, useRef } from "preact/hooks";
import { createCover } from "../../doing/cover";
import { createGuess } from "../../doing/guess";
import type { Session } from "../../paint/decode";
import type { Control } from "../../protocol";
import { useText, useView } from "../context";
import { Section } from "../Section";
import { Segments } from "../Segments";
import type { Tool } from "../view";
import { CoverPanel } from "./CoverPanel";
import { GuessPanel } from "./GuessPanel";
import { RegionList } from "./RegionList";

/** What can be done to the picture: cover places, keep only some, guess before looking. */
export function Tools({ session }: { session: Session }) {
  const { store, tool } = useView();
  const text = useText();
  const cover = store.feature(createCover);
  const guess = store.feature(createGuess);
  const { controls } = store.settings;
  const has = (control: Control) => controls.value === null || controls.value.includes(control);
  const names: Tool[] = ["look"];
  if (has("cover") && store.live && !session.volume) {
    names.push("cover");
  }
  if (has("predict") && !session.volume) {
    names.push("predict");
  }
  const now = names.includes(tool.value) ? tool.value : "look";
  useEffect(() => {
    tool.value = now;
  }, [now, tool]);
  // Where there are no tools, nobody could put one down.
  useEffect(
    () => () => {
      tool.value = "look";
    },
    [tool],
  );

  // What Python covers is shown at once.
  const loaded = cover.loaded.value;
  const seen = useRef(0);
  useEffect(() => {
    if (loaded !== seen.current && has("cover")) {
      tool.value = "cover";
    }
    seen.current = loaded;
  });
  if (names.length === 1) {
    return null;
  }
  return (
    <Section
      title={text.tool}
      class="xai-tools"
      action={
        <Segments
          label={text.tool}
          names={names}
          word={(name) => text.tools[name]}
          chosen={now}
          onChoose={(name) => {
            tool.value = name;
            guess.revealed.value = false;
          }}
        />
      }
    >
      {now === "look" && <RegionList />}
      {now === "cover" && <CoverPanel session={session} cover={cover} />}
      {now === "predict" && <GuessPanel session={session} guess={guess} />}
    </Section>
  );
}
