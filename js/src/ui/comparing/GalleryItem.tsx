import { type Entry, isRight } from "../../comparing/gallery";
import { formatShare } from "../../format";
import { useStore, useText } from "../context";

interface Props {
  entry: Entry;
  active: boolean;
  reachable: boolean;
}

/** A picture of the gallery, what the model says of it, and whether that is right. */
export function GalleryItem({ entry, active, reachable }: Props) {
  const store = useStore();
  const text = useText();
  const { name, label, address } = entry;
  const share = formatShare(entry.probability);
  const right = isRight(entry);
  const mark = right === null ? "" : right ? text.right : text.wrong;
  return (
    <li class="xai-gallery-item">
      <button
        type="button"
        class="xai-thumb"
        aria-current={active}
        aria-label={text.galleryItem(name, label, share, mark)}
        title={text.galleryItem(name, label, share, mark)}
        tabIndex={reachable ? 0 : -1}
        data-session={entry.session}
        data-right={right}
        onClick={() => !active && store.change({ active: entry.session })}
      >
        <span class="xai-thumb-frame">
          <img src={address} alt="" loading="lazy" decoding="async" draggable={false} />
          {right !== null && (
            <span class="xai-thumb-mark" aria-hidden="true">
              {right ? "✓ " : "✗ "}
            </span>
          )}
        </span>
        <span class="xai-thumb-name">{name} </span>
        <span class="xai-thumb-says">
          <span>{label}</span> <span class="xai-number">{share}</span>
        </span>
      </button>
    </li>
  );
}
