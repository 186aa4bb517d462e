/** What a saved page tells and answers beside its maps: pins, regions, films, the gallery. */
import type { ClientMessage, KernelMessage, RequestId, ResultPayload } from "../protocol";
import type { Strings } from "../strings";
import { isFilmOf } from "./lookup";
import type { Line } from "./model";
import type { Filled, Saved } from "./saved";

/** The map that is on show: its place in the page, and the request that it answers there. */
export interface OnShow {
  readonly place: number | null;
  readonly request: RequestId;
}

export interface Desk {
  /** Tell a new view what it must know. */
  greet(): void;
  /** Answer a question, or say why the page cannot. */
  answer(message: ClientMessage): void;
}

/** Messages that answer a question; everything else is told to everybody. */
const ANSWERS: readonly KernelMessage["kind"][] = ["regions", "film", "probed", "saved"];

interface Pin {
  readonly number: number;
  readonly message: Filled<KernelMessage>;
}

export function createDesk(saved: Saved, line: Line, onShow: () => OnShow, text: Strings): Desk {
  const told = saved.news.filter(({ content }) => !ANSWERS.includes(content.kind));
  let pins = told.flatMap((message): Pin[] =>
    message.content.kind === "pinned" ? [{ number: message.content.pinned.pin, message }] : [],
  );
  let last = Math.max(0, ...saved.settings.pins, ...pins.map(({ number }) => number));

  const tell = ({ content, buffers }: Filled<KernelMessage>) => line.tell(content, buffers);
  const refuse = (id: string, title: string) =>
    line.tell({ kind: "error", request_id: id, error: { title, hint: text.offlineHint, traceback: "" } });

  function answerRegions(id: string): void {
    const { place, request } = onShow();
    for (const { content, buffers } of saved.news) {
      if (content.kind === "regions" && content.regions.of === place) {
        line.tell({ ...content, request_id: id, regions: { ...content.regions, of: request } }, buffers);
        return;
      }
    }
    refuse(id, text.regionsNotSaved);
  }

  function answerFilm(id: string): void {
    for (const { content, buffers } of saved.news) {
      if (content.kind === "film" && isFilmOf(saved, content.film, line.traits)) {
        line.tell({ ...content, request_id: id }, buffers);
        return;
      }
    }
    refuse(id, text.filmNotSaved);
  }

  function pin(id: string): void {
    const { place } = onShow();
    if (place === null) {
      refuse(id, text.nothingYet);
      return;
    }
    const { content: result, buffers } = saved.maps[place];
    if (
      !pins.some(({ message }) => message.content.kind === "pinned" && isSame(message.content.pinned.result, result))
    ) {
      last += 1;
      const { names, model } = saved.sessions[result.session].content;
      const about = { name: names[result.session] ?? "", model, earlier: false, picture: null, volume: null };
      const pinned = { pin: last, result, ...about };
      const message = { content: { kind: "pinned", request_id: null, pinned } as const, buffers };
      pins = [...pins, { number: last, message }];
      tell(message);
      keep([...line.traits.pins, last]);
    }
    acknowledge(id, "pin");
  }

  function unpin(id: string, number: number | null): void {
    pins = pins.filter((each) => number !== null && each.number !== number);
    keep(line.traits.pins.filter((each) => number !== null && each !== number));
    acknowledge(id, "unpin");
  }

  const keep = (numbers: number[]) => line.set("pins", numbers);
  const acknowledge = (id: string, of: ClientMessage["kind"]) =>
    line.tell({ kind: "ack", request_id: id, of, message: "" });

  return {
    greet() {
      for (const message of told) {
        if (message.content.kind !== "pinned") {
          tell(message);
        }
      }
      for (const { message } of pins) {
        tell(message);
      }
    },
    answer(message) {
      const { kind, request_id: id } = message;
      if (kind === "regions") {
        answerRegions(id);
      } else if (kind === "film") {
        answerFilm(id);
      } else if (kind === "pin") {
        pin(id);
      } else if (kind === "unpin") {
        unpin(id, message.pin);
      } else if (kind === "arrange") {
        keep(message.pins);
        acknowledge(id, kind);
      } else {
        refuse(id, text.needsKernel);
      }
    },
  };
}

/** Whether two maps answer the same question: their descriptions are written from it. */
function isSame(one: ResultPayload, other: ResultPayload): boolean {
  const question = ({ session, method, params, target, target_label, layer }: ResultPayload) =>
    JSON.stringify([session, method, params, target, target_label, layer]);
  return question(one) === question(other);
}
