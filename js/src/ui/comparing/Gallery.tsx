import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { arranged, classesOf, type Entry, type Filter, isRight, SORTS, type Sort } from "../../comparing/gallery";
import { movedTo } from "../../methods";
import { useText } from "../context";
import { Select } from "../Select";
import { bringIntoStrip } from "../strip";
import { GalleryItem } from "./GalleryItem";

interface Props {
  entries: readonly Entry[];
  active: number;
}

/** The pictures as a strip: filtered, in the order that is wished. */
export function Gallery({ entries, active }: Props) {
  const text = useText();
  const filter = useSignal<Filter>("all");
  const sort = useSignal<Sort>("given");
  const list = useRef<HTMLUListElement>(null);
  const classes = useMemo(() => classesOf(entries), [entries]);
  const shown = useMemo(() => arranged(entries, filter.value, sort.value), [entries, filter.value, sort.value]);
  const known = entries.filter((entry) => isRight(entry) !== null);
  const right = known.filter((entry) => isRight(entry)).length;
  useEffect(() => {
    bringIntoStrip(list.current, list.current?.querySelector("li:has([aria-current='true'])"));
  }, [active, shown]);

  const press = (event: KeyboardEvent) => {
    const items = [...(list.current?.querySelectorAll<HTMLButtonElement>("button") ?? [])];
    const at = items.findIndex((item) => item.matches(":focus"));
    const plain = at >= 0 && !event.altKey && !event.ctrlKey && !event.metaKey;
    const to = plain ? movedTo(event.key, at, items.length) : null;
    if (to !== null) {
      event.preventDefault();
      items[to].focus();
    }
  };
  const held = shown.some(({ session }) => session === active);
  return (
    <>
      <div class="xai-gallery-head">
        <Select
          label={text.filterPictures}
          value={String(filter.value)}
          onChange={(value) => {
            filter.value = value === "all" || value === "right" || value === "wrong" ? value : Number(value);
          }}
        >
          <option value="all">{text.filterAll}</option>
          {known.length > 0 && <option value="right">{text.filterRight}</option>}
          {known.length > 0 && <option value="wrong">{text.filterWrong}</option>}
          <optgroup label={text.filterClasses}>
            {classes.map(({ index, label, count }) => (
              <option key={index} value={String(index)}>
                {text.filterClass(label, count)}
              </option>
            ))}
          </optgroup>
        </Select>
        <Select
          label={text.sortPictures}
          value={sort.value}
          onChange={(value) => {
            sort.value = value as Sort;
          }}
        >
          {SORTS.map((each) => (
            <option key={each} value={each}>
              {text.sorts[each]}
            </option>
          ))}
        </Select>
        <span class="xai-quiet xai-number" role="status">
          {text.galleryCount(shown.length, entries.length)}
          {known.length > 0 && ` · ${text.galleryRight(right, known.length)}`}
        </span>
      </div>
      {shown.length === 0 ? (
        <p class="xai-help-text">{text.noPictureFits}</p>
      ) : (
        <ul class="xai-gallery" ref={list} aria-label={text.gallery} onKeyDown={press}>
          {shown.map((entry, place) => (
            <GalleryItem
              key={entry.session}
              entry={entry}
              active={entry.session === active}
              // One stop for the Tab key; the arrow keys go on from there.
              reachable={held ? entry.session === active : place === 0}
            />
          ))}
        </ul>
      )}
    </>
  );
}
