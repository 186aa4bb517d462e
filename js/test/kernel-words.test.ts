import { describe, expect, it } from "vitest";
import type { Result } from "../src/paint/decode";
import { nothingKnown, receive } from "../src/reducer";
import { createSay, createWords } from "../src/words";
import { OCCLUSION, RESULT_BUFFERS, resultMessage, SESSION_BUFFERS, sessionMessage, status, WINDOW } from "./samples";

const WORDS = {
  "Covers patches.": "조각을 가립니다.",
  Window: "창",
  Stopping: "중지하는 중",
  "Scores: softmax over {0} classes.": "점수: 클래스 {0}개에 대한 소프트맥스.",
  "Scores: {0}.": "점수: {0}.",
  "{0} (of {1})": "{1} 가운데 {0}",
  "{0} rather than {1}": "{1} 대신 {0}",
  "fall of the {0}": "{0} 감소량",
  "{0} difference": "{0} 차이",
  logit: "로짓",
};

describe("texts of the kernel", () => {
  const say = createSay(WORDS);

  it("are said in the page's language where they are known", () => {
    expect(say("Covers patches.")).toBe("조각을 가립니다.");
    expect(say("Sharpens patches.")).toBe("Sharpens patches.");
    expect(say("constructor")).toBe("constructor");
  });

  it("keep the numbers and names in them, in whatever order", () => {
    expect(say("Scores: softmax over 1000 classes.")).toBe("점수: 클래스 1000개에 대한 소프트맥스.");
    expect(say("layer4.1 (of 12)")).toBe("12 가운데 layer4.1");
    expect(say("$& (of $1)")).toBe("$1 가운데 $&");
    expect(say("Scores: my own.")).toBe("점수: my own.");
    expect(say("Scores: softmax over 1000 classes, and more")).toBe("Scores: softmax over 1000 classes, and more");
  });

  it("are said within other texts where that is wished", () => {
    expect(say("fall of the logit difference", true)).toBe("로짓 차이 감소량");
    expect(say("fall of the logit difference")).toBe("logit difference 감소량");
    expect(say("fall of the margin", true)).toBe("margin 감소량");
  });
});

describe("what the kernel has told", () => {
  const method = {
    ...OCCLUSION,
    summary: "Covers patches.",
    when: "Unknown.",
    params: [WINDOW],
    refusal: "Stopping",
    layer_refusals: [null, "Window"],
  };
  const hello = new Set<string>();
  const session = sessionMessage({ methods: [method], notes: ["Scores: softmax over 3 classes."] });
  const first = receive(nothingKnown(status("running", 1)), session, SESSION_BUFFERS, hello);
  const known = { ...receive(first, resultMessage(1), RESULT_BUFFERS, hello), remark: "Stopping" };

  it("is in the page's language as soon as that is learnt", () => {
    let language = "ko";
    const words = createWords(() => language);
    expect(words.translate(known)).toBe(known);
    words.learn("ko", WORDS);
    const { session, remark } = words.translate(known);
    expect(session?.notes).toEqual(["점수: 클래스 3개에 대한 소프트맥스."]);
    expect(session?.methods[0]).toMatchObject({ summary: "조각을 가립니다.", when: "Unknown.", label: "Occlusion" });
    expect(session?.methods[0].params[0].label).toBe("창");
    expect(session?.methods[0]).toMatchObject({ refusal: "중지하는 중", layer_refusals: [null, "창"] });
    expect(remark).toBe("중지하는 중");
    expect(words.say("Window")).toBe("창");
    language = "en";
    expect(words.translate(known)).toBe(known);
    expect(words.say("Window")).toBe("Window");
  });

  it("says what a map measures, and leaves the names of classes as they are", () => {
    const words = createWords(() => "ko");
    words.learn("ko", WORDS);
    const told = (content: Partial<Result>) => {
      const answer = known.answer && { ...known.answer, result: { ...known.answer.result, ...content } };
      return words.translate({ ...known, answer }).answer?.result;
    };
    const contrast = { target: { target: 0, foil: 1 }, target_label: "Window rather than Stopping" };
    expect(told({ ...contrast, unit: "fall of the logit difference" })).toMatchObject({
      target_label: "Stopping 대신 Window",
      unit: "로짓 차이 감소량",
    });
    expect(told({ target: 0, target_label: "Window" })?.target_label).toBe("Window");
  });

  it("stays the same object while it is the same", () => {
    const words = createWords(() => "ko");
    words.learn("ko", WORDS);
    const one = words.translate(known);
    const other = words.translate({ ...known, status: status("done", 1) });
    expect(other.session).toBe(one.session);
    expect(other.answer).toBe(one.answer);
    expect(other.status.state).toBe("done");
    expect(known.answer && words.translateResult(known.answer.result)).toBe(one.answer?.result);
  });
});
