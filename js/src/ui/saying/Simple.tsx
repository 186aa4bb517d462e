import { useEffect } from "preact/hooks";
import type { Session } from "../../paint/decode";
import { useText, useView } from "../context";
import { Slider } from "../Slider";
import { Stage } from "../stage/Stage";
import { Classes } from "./Classes";
import { Sentence } from "./Sentence";

/** The whole interface for a first look: picture, classes, one control, and a sentence of measured numbers. */
export function Simple({ session }: { session: Session }) {
  const { store, tool } = useView();
  const text = useText();
  const { status } = store.known.value;
  useEffect(() => {
    // What is drawn with the tools of the expert view is put away with them.
    tool.value = "look";
  }, [tool]);
  return (
    <div class="xai-body xai-simple" data-columns={2} data-volume={Boolean(session.volume)}>
      <div class="xai-column">
        <Stage dimmed={status.state === "error"} />
        <Slider
          label={text.opacity}
          min={0}
          max={1}
          step={0.01}
          value={store.view.value.opacity}
          format={(value) => `${Math.round(value * 100)} %`}
          onPreview={(opacity) => store.preview({ opacity })}
          onKeep={(opacity) => store.keep({ opacity })}
        />
      </div>
      <div class="xai-column">
        <Sentence session={session} />
        <Classes session={session} />
      </div>
    </div>
  );
}
