import { formatValue } from "../../format";
import type { Effect, taking as English } from "../en/taking";

/** How a clause ends: before another one, and at the end of the sentence. */
const ENDS = {
  lowers: ["낮아지고", "낮아집니다"],
  raises: ["높아지고", "높아집니다"],
  nothing: ["달라지지 않고", "달라지지 않습니다"],
} as const;

const hides = ({ place, change, amount }: Effect, last: boolean) =>
  `${place}번 영역을 가리면 ${change === "nothing" ? "" : `${amount} `}${ENDS[change][last ? 1 : 0]}`;

export const taking: typeof English = {
  detail: "표시 수준",
  simple: "간단히",
  simpleHelp: "이미지, 클래스, 한 문장",
  expert: "자세히",
  expertHelp: "모든 기법, 레이어, 파라미터",

  save: "저장",
  saveTitle: "저장, 복사, 이미지로 남기기",
  pictureFile: "이미지",
  pictureSize: "이미지 크기",
  times: (scale) => `${scale}배`,
  pixels: (width, height) => `${width} × ${height}픽셀`,
  withBar: "제목과 컬러바 넣기",
  savePicture: "PNG 저장",
  numbers: "수치",
  saveNumbers: "NPZ 저장",
  saveNumbersHelp: "Python에서 Attribution.load로 읽습니다",
  python: "Python",
  copyView: "코드 복사",
  copyViewHelp: "지금 상태의 위젯",
  copyNumbers: "explain() 복사",
  copyNumbersHelp: "위젯 없이 이 맵의 수치만",
  notebook: "노트북",
  freeze: "이미지로 남기기",
  freezeHelp: "커널 없이 읽는 사람을 위해 위젯 자리에 이미지를 둡니다",
  saved: (name) => `저장됨: ${name}`,
  codeCopied: "코드를 복사했습니다",
  notCopied: "브라우저가 페이지의 복사를 허용하지 않습니다. 아래 내용을 직접 복사하세요.",
  codeText: "코드",
  needsMap: "아직 히트맵이 없습니다.",
  unnamed: "히트맵",

  codeGiven: (model, picture) => `model: ${model}; img: ${picture}`,
  codeArray: (name, value) => `${name}: ${value}. 여기에 적지 않았으니 ${name}=을 추가하세요`,
  codeFunction: (name) => `${name}: 직접 정의한 함수여서 여기에 적지 않았습니다. target=으로 넘기세요`,

  theSentence: "한 문장으로",
  says: (label, share) => `모델의 답은 ${label}, ${share}입니다.`,
  scoresHighest: (label, score) => `점수가 가장 높은 클래스는 ${label}, ${score}입니다.`,
  askedShare: (label, share) => `${label}의 확률은 ${share}입니다.`,
  askedScore: (label, score) => `${label}의 점수는 ${score}입니다.`,
  fewPoints: (count) => `${count} %p`,
  score: formatValue,
  effects: (effects) => `${effects.map((effect, at) => hides(effect, at === effects.length - 1)).join(", ")}.`,
  noPlace: (label) => `${label}의 근거가 되는 곳이 없습니다.`,
  measuringPlaces: "가장 중요한 곳의 효과를 재는 중 …",
  notMeasured: (reason) => `각 영역의 효과를 알 수 없습니다: ${reason}`,
};
