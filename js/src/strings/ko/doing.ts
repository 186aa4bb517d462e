import type { doing as English } from "../en/doing";

const signed = (points: number) => `${points < 0 ? "−" : "+"}${Math.abs(points)}`;

export const doing: typeof English = {
  tool: "도구",
  tools: { look: "살펴보기", cover: "가리기", predict: "예상하기" },

  pen: "그리는 도구",
  pens: { brush: "브러시", box: "상자", eraser: "지우개" },
  brushSize: "크기",
  brushPixels: (count) => `${count}픽셀`,
  undo: "실행 취소",
  redo: "다시 실행",
  clear: "모두 지우기",
  paperHelp:
    "화살표 키로 브러시를 옮기고(Shift와 함께 누르면 1픽셀씩), Space나 Enter로 칠합니다(상자는 두 모서리에서 한 번씩). " +
    "[와 ]로 크기를 바꾸고, Ctrl+Z로 되돌립니다.",

  coverPaper: "일부를 가릴 이미지",
  coverHint: "이미지 위를 칠하세요. 모델이 나머지를 보고 내놓는 답을 막대로 보여 줍니다.",
  coverWith: "가리는 값",
  coverFills: { blur: "흐림", mean: "평균색", grey: "회색", noise: "노이즈" },
  keepOnly: "이곳만 남기기",
  keepOnlyHelp: "칠한 곳만 남기고 모두 가립니다",
  effect: "가리기의 효과",
  shareChange: (before, after) => `${before} → ${after}`,
  points: (points) => (points === 0 ? "변화 없음" : `${signed(points)} %p`),
  changed: (label, before, after, difference) => `${label} ${before} → ${after}, ${difference}`,
  measuring: "모델에 묻는 중 …",

  regions: "가장 중요한 곳",
  regionsHelp: "맵에서 가장 강한 곳들과, 각각을 하나씩 가렸을 때 클래스에 생기는 변화입니다.",
  regionsWaiting: "가렸을 때의 변화를 재는 중 …",
  regionsNoMap: "아직 완성된 히트맵이 없습니다.",
  regionsUnknown: "이 맵의 영역은 재지 않았습니다.",
  noRegions: "이 맵에 양수 값이 없습니다. 이 클래스의 근거가 되는 곳이 없습니다.",
  hideRegion: (before, after) => `가리면: ${before} → ${after}`,
  region: (number, change) => `${number}번 영역, ${change}`,
  difference: (words) => `(${words})`,
  coverRegion: "가려 보기",
  tryAgain: "다시 시도",

  guessPaper: "예상한 곳을 표시할 이미지",
  guessHint: (label) => `맵을 숨겼습니다. 모델이 “${label}” 클래스에서 볼 것 같은 곳을 표시한 뒤 공개를 누르세요.`,
  hiddenMap: "공개를 누를 때까지 히트맵을 숨깁니다.",
  reveal: "공개",
  nextClass: "다음 클래스",
  agreement: (percent) => `표시한 곳과 맵에서 가장 강한 곳이 ${percent} 일치합니다.`,
  agreementHelp: (share) =>
    `직접 또는 맵이 표시한 곳 전체 가운데 둘 다 표시한 곳의 비율입니다(IoU, 교집합/합집합). ` +
    `맵은 최댓값의 ${share}보다 강한 곳을 표시하며, 점선이 그 경계입니다.`,
  nothingGuessed: "표시한 곳이 없습니다.",
  nothingToAgree: "이 맵에 양수 값이 없어 가장 강한 곳도 없습니다.",
  noMapYet: "아직 완성된 히트맵이 없습니다. 완성되는 대로 비교합니다.",
};
