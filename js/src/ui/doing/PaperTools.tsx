import { type Paper, PENS } from "../../doing/paper";
import { createPens, SMALLEST } from "../../doing/pens";
import { useStore, useText } from "../context";
import { Segments } from "../Segments";
import { Slider } from "../Slider";

/** What is drawn with, and how to take it back. */
export function PaperTools({ paper }: { paper: Paper }) {
  const text = useText();
  const pens = useStore().feature(createPens);
  return (
    <>
      <div class="xai-paper-tools">
        <Segments
          label={text.pen}
          names={PENS}
          word={(pen) => text.pens[pen]}
          chosen={pens.pen.value}
          onChoose={(pen) => {
            pens.pen.value = pen;
          }}
        />
        <div class="xai-row">
          <Act label={text.undo} enabled={paper.canUndo.value} onPress={paper.undo} />
          <Act label={text.redo} enabled={paper.canRedo.value} onPress={paper.redo} />
          <Act label={text.clear} enabled={!paper.empty.value} onPress={paper.clear} />
        </div>
      </div>
      {pens.pen.value !== "box" && (
        <Slider
          label={text.brushSize}
          min={SMALLEST}
          max={pens.largest.value}
          step={1}
          value={pens.size.value}
          format={text.brushPixels}
          onPreview={pens.setSize}
          onKeep={pens.setSize}
        />
      )}
    </>
  );
}

function Act({ label, enabled, onPress }: { label: string; enabled: boolean; onPress(): void }) {
  // Not `disabled`: the last step back must not take the focus away.
  return (
    <button
      type="button"
      class="xai-button xai-act"
      aria-disabled={!enabled}
      onClick={() => {
        if (enabled) {
          onPress();
        }
      }}
    >
      {label}
    </button>
  );
}
