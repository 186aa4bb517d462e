import type { Result } from "../../paint/decode";
import { LAYOUTS } from "../../protocol";
import { strongestVoxel } from "../../volume/mapping";
import { middle, PLANES } from "../../volume/space";
import { useStore, useText } from "../context";
import { Segments } from "../Segments";
import { Slider } from "../Slider";
import type { Looking } from "./looking";

const FEWEST = 4;
const MOST = 30;

/** How a volume is laid out, and where to look in it; without `all`, only the latter. */
export function VolumeTools({ looking, result, all }: { looking: Looking; result: Result | null; all: boolean }) {
  const store = useStore();
  const text = useText();
  const { layout, plane, radiological } = store.view.value;
  const { volume } = looking;
  const strongest = () => {
    const found = result && strongestVoxel(result, volume.full);
    if (found) {
      looking.go(found);
    }
  };
  return (
    <div class="xai-volume-tools">
      {all && (
        <Segments
          label={text.layout}
          names={LAYOUTS}
          word={(each) => text.layouts[each]}
          help={(each) => text.layoutHelps[each]}
          chosen={layout}
          onChoose={(each) => store.keep({ layout: each })}
        />
      )}
      {layout === "montage" && (
        <>
          <Segments
            label={text.planeShown}
            names={PLANES}
            word={(each) => text.planes[volume.planes[each].name]}
            chosen={plane}
            onChoose={(each) => store.keep({ plane: each })}
          />
          <SliceCount />
        </>
      )}
      <div class="xai-volume-places">
        <button
          type="button"
          class="xai-button xai-chip"
          title={text.strongestPlaceHelp}
          disabled={result === null}
          onClick={strongest}
        >
          {text.strongestPlace}
        </button>
        <button
          type="button"
          class="xai-button xai-chip"
          title={text.middlePlaceHelp}
          onClick={() => looking.go(middle(volume.full))}
        >
          {text.middlePlace}
        </button>
        {all && volume.affine !== null && (
          <button
            type="button"
            class="xai-button xai-chip"
            title={text.radiologicalHelp}
            aria-pressed={radiological}
            onClick={() => store.keep({ radiological: !radiological })}
          >
            {text.radiological}
          </button>
        )}
      </div>
    </div>
  );
}

function SliceCount() {
  const store = useStore();
  const text = useText();
  return (
    <Slider
      label={text.sliceCount}
      min={FEWEST}
      max={MOST}
      step={1}
      value={store.view.value.tiles}
      format={String}
      onPreview={(tiles) => store.preview({ tiles })}
      onKeep={(tiles) => store.keep({ tiles })}
    />
  );
}
