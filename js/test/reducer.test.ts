import { describe, expect, it } from "vitest";
import type { KernelMessage } from "../src/protocol";
import { type Known, nothingKnown, receive, receiveStatus, shownState } from "../src/reducer";
import { OCCLUSION, RESULT_BUFFERS, resultMessage, SESSION_BUFFERS, sessionMessage, status } from "./samples";

const FAILURE = { title: "It failed", hint: "Try another layer.", traceback: "…" };
const idle = nothingKnown(status("idle", null));

function tell(known: Known, message: KernelMessage, hellos: string[] = []): Known {
  const buffers = message.kind === "session" ? SESSION_BUFFERS : message.kind === "result" ? RESULT_BUFFERS : [];
  return receive(known, message, buffers, new Set(hellos));
}

/** A picture is there and request 1 has brought its map. */
const answered = receiveStatus(
  tell(receiveStatus(tell(idle, sessionMessage()), status("running", 1)), resultMessage(1)),
  status("done", 1),
);

describe("results", () => {
  it("are taken from the running request, partial or final", () => {
    const running = receiveStatus(tell(idle, sessionMessage()), status("running", 1));
    const partial = tell(running, resultMessage(1, { final: false, fraction: 0.5 }));
    expect(partial.answer).toMatchObject({ requestId: 1, result: { final: false, fraction: 0.5 } });
    expect(tell(partial, resultMessage(1)).answer?.result.final).toBe(true);
  });

  it("of an older request are ignored once a newer one has begun", () => {
    const next = receiveStatus(answered, status("queued", 2));
    expect(tell(next, resultMessage(1, { method: "late" })).answer).toBe(answered.answer);
  });

  it("of a superseded or cancelled request are ignored", () => {
    for (const kind of ["superseded", "cancelled"] as const) {
      const ended = tell(answered, { kind, request_id: 7 });
      expect(tell(ended, resultMessage(7)).answer).toBe(answered.answer);
    }
  });

  it("may come before the status of their request", () => {
    const early = tell(answered, resultMessage(2, { method: "rise" }));
    expect(early.answer?.requestId).toBe(2);
    expect(receiveStatus(early, status("done", 2)).answer?.requestId).toBe(2);
  });

  it("that answer a greeting belong to the present request", () => {
    const reloaded = tell(nothingKnown(status("done", 5)), resultMessage("page-1"), ["page-1"]);
    expect(reloaded.answer?.requestId).toBe(5);
  });

  it("that are final are taken once, whoever asks for them again", () => {
    expect(tell(answered, resultMessage("page-1"), ["page-1"]).answer).toBe(answered.answer);
  });

  it("stay while a later request runs and fails", () => {
    const failed = tell(receiveStatus(answered, status("running", 2)), {
      kind: "error",
      request_id: 2,
      error: FAILURE,
    });
    expect(failed.answer).toBe(answered.answer);
    expect(failed.failure?.error.title).toBe("It failed");
  });
});

describe("sessions", () => {
  it("keep a map that came before them: the run may be over before a page has its first view", () => {
    const early = receiveStatus(tell(receiveStatus(idle, status("running", 1)), resultMessage(1)), status("done", 1));
    const shown = tell(early, sessionMessage());
    expect(shown.answer).toBe(early.answer);
    expect(shownState(shown, shown.answer)).toBe("done");
    expect(tell(early, sessionMessage({ index: 1 })).answer).toBeNull();
  });

  it("keep the map of the same picture and drop that of another", () => {
    expect(tell(answered, sessionMessage()).answer).toBe(answered.answer);
    expect(tell(answered, sessionMessage({ index: 1 })).answer).toBeNull();
  });
});

describe("errors", () => {
  const failed = tell(answered, { kind: "error", request_id: 2, error: FAILURE });

  it("survive the status of their own request, whichever comes first", () => {
    const running = receiveStatus(failed, status("running", 2));
    expect(receiveStatus(running, status("error", 2)).failure?.error).toEqual(FAILURE);
  });

  it("end with the next request", () => {
    expect(receiveStatus(failed, status("queued", 3)).failure).toBeNull();
    expect(tell(failed, resultMessage(3)).failure).toBeNull();
  });

  it("of older requests are ignored", () => {
    const next = receiveStatus(answered, status("running", 2));
    expect(tell(next, { kind: "error", request_id: 1, error: FAILURE }).failure).toBeNull();
  });

  it("may belong to no request: a setting was refused", () => {
    expect(tell(answered, { kind: "error", request_id: null, error: FAILURE }).failure?.requestId).toBeNull();
  });
});

describe("remarks", () => {
  const running = receiveStatus(answered, status("running", 2));
  const remark: KernelMessage = { kind: "ack", request_id: "p-1", of: "cancel", message: "Will stop soon." };

  it("stand until the run ends or another begins", () => {
    const told = tell(running, remark);
    expect(receiveStatus(told, status("running", 2)).remark).toBe("Will stop soon.");
    expect(receiveStatus(told, status("cancelled", 2)).remark).toBe("");
    expect(receiveStatus(told, status("queued", 3)).remark).toBe("");
  });

  it("are not made of greetings", () => {
    expect(tell(running, { ...remark, of: "hello" }).remark).toBe("");
  });
});

it("what is not known is passed over", () => {
  expect(receive(answered, { kind: "news" } as unknown as KernelMessage, [], new Set())).toBe(answered);
});

describe("the state that is shown", () => {
  it("is done only after the final result of the request has been painted", () => {
    expect(shownState(answered, null)).toBe("running");
    expect(shownState(answered, answered.answer)).toBe("done");
  });

  it("is not done while the picture on the screen is an older one", () => {
    const next = receiveStatus(tell(answered, resultMessage(2)), status("done", 2));
    expect(shownState(next, answered.answer)).toBe("running");
    expect(shownState(next, next.answer)).toBe("done");
  });

  it("is idle where the request that is done was about another picture, or nothing was heard yet", () => {
    expect(shownState(tell(answered, sessionMessage({ index: 1 })), null)).toBe("idle");
    expect(shownState(nothingKnown(status("done", 5)), null)).toBe("idle");
  });

  it("mirrors everything else", () => {
    for (const state of ["idle", "queued", "running", "cancelled", "error"] as const) {
      expect(shownState(receiveStatus(answered, status(state, 2)), answered.answer)).toBe(state);
    }
  });
});

describe("a method that is described anew", () => {
  const other = { ...OCCLUSION, id: "rise" };
  const known = tell(idle, sessionMessage({ methods: [OCCLUSION, other] }));
  const told = { ...OCCLUSION, described: { window: 8 }, cost: { forwards: 7, backwards: 0, seconds: null } };

  it("replaces itself in the session it belongs to", () => {
    const next = tell(known, { kind: "method", request_id: null, session: 0, method: told });
    expect(next.session?.methods).toEqual([told, other]);
  });

  it("changes nothing in another session", () => {
    expect(tell(known, { kind: "method", request_id: null, session: 3, method: told })).toBe(known);
  });
});
