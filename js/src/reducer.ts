import { decodeResult, decodeSession, type Result, type Session } from "./paint/decode";
import type { ErrorPayload, KernelMessage, RequestId, State, Status } from "./protocol";

/** A result and the request it answers. */
export interface Answer {
  readonly requestId: RequestId;
  readonly result: Result;
}

/** What the kernel has told so far; replaced, never changed. */
export interface Known {
  readonly session: Session | null;
  /** The newest map of the session, kept while a later request runs or fails. */
  readonly answer: Answer | null;
  readonly failure: { readonly requestId: RequestId | null; readonly error: ErrorPayload } | null;
  /** What the kernel says about a request it has not finished, for example when it can be cancelled. */
  readonly remark: string;
  /** Requests in the order in which they were first heard of. */
  readonly heard: readonly RequestId[];
  /** Requests that were superseded or cancelled: nothing that still arrives for them counts. */
  readonly ended: readonly RequestId[];
  readonly status: Status;
}

/** The oldest requests are forgotten: nothing can arrive for them any more. */
const REMEMBERED = 64;

export function nothingKnown(status: Status): Known {
  return { session: null, answer: null, failure: null, remark: "", heard: [], ended: [], status };
}

/** Take in the status trait. */
export function receiveStatus(known: Known, status: Status): Known {
  const another = status.request_id !== known.status.request_id;
  const busy = status.state === "queued" || status.state === "running";
  const over = status.state === "done" || (busy && another);
  return {
    ...known,
    status,
    heard: hear(known.heard, status.request_id),
    failure: over && known.failure?.requestId !== status.request_id ? null : known.failure,
    remark: busy && !another ? known.remark : "",
  };
}

/**
 * Take in a message.
 *
 * @param hellos the greetings this page has sent: what answers them is the present state, whatever its request was
 */
export function receive(
  known: Known,
  message: KernelMessage,
  buffers: readonly DataView[],
  hellos: ReadonlySet<string>,
): Known {
  switch (message.kind) {
    case "session": {
      const session = decodeSession(message.session, buffers);
      // A map that came before any session is that of the run which the first view waits for.
      const same = known.answer?.result.session === session.index && samePicture(known.session ?? session, session);
      return { ...known, session, answer: same ? known.answer : null };
    }
    case "method": {
      const { session } = known;
      if (session?.index !== message.session) {
        return known;
      }
      const methods = session.methods.map((each) => (each.id === message.method.id ? message.method : each));
      return { ...known, session: { ...session, methods } };
    }
    case "result": {
      const requestId = currentName(message.request_id, known.status, hellos);
      // A greeting brings a map again that may be there already.
      const repeated = known.answer?.requestId === requestId && known.answer.result.final;
      if (repeated || isStale(known, requestId)) {
        return known;
      }
      const answer = { requestId, result: decodeResult(message.result, buffers) };
      return { ...known, answer, failure: null, heard: hear(known.heard, requestId) };
    }
    case "error": {
      const requestId = message.request_id === null ? null : currentName(message.request_id, known.status, hellos);
      if (requestId !== null && isStale(known, requestId)) {
        return known;
      }
      return { ...known, failure: { requestId, error: message.error }, heard: hear(known.heard, requestId) };
    }
    case "ack":
      return message.of === "hello" ? known : { ...known, remark: message.message };
    case "superseded":
    case "cancelled":
      return { ...known, ended: [...known.ended, message.request_id].slice(-REMEMBERED) };
    default:
      // A kernel newer than this page may say more; what is not known is not an error.
      return known;
  }
}

/**
 * What a view says of its state: "done" only once the final result of that request is on its screen.
 *
 * Messages arrive in order, so a result that is not here when its request is done will not come: it belongs to another
 * picture, or the page was loaded anew and has not heard from the kernel yet.
 */
export function shownState({ status, answer, failure }: Known, painted: Answer | null): State {
  if (status.state !== "done") {
    return status.state;
  }
  const answers = (one: Answer | null) => one !== null && one.requestId === status.request_id && one.result.final;
  if (answers(answer)) {
    return painted === answer ? "done" : "running";
  }
  return failure === null ? "idle" : "error";
}

function hear(heard: readonly RequestId[], id: RequestId | null): readonly RequestId[] {
  return id === null || heard.includes(id) ? heard : [...heard, id].slice(-REMEMBERED);
}

/** Whether a newer request has begun, or this one was ended. */
function isStale(known: Known, id: RequestId): boolean {
  if (known.ended.includes(id)) {
    return true;
  }
  const at = known.heard.indexOf(id);
  const current = known.status.request_id;
  return at >= 0 && current !== null && at < known.heard.indexOf(current);
}

function currentName(id: RequestId, status: Status, hellos: ReadonlySet<string>): RequestId {
  return typeof id === "string" && hellos.has(id) && status.request_id !== null ? status.request_id : id;
}

function samePicture(one: Session, other: Session): boolean {
  return one.index === other.index && sameSize(one, other);
}

function sameSize(one: Session, other: Session): boolean {
  const sides = ({ width, height, volume }: Session) => String([width, height, volume?.full]);
  return sides(one) === sides(other);
}
