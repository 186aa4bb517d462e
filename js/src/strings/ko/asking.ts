import { formatCount } from "../../format";
import type { asking as English } from "../en/asking";
import { duration } from "./units";

export const asking: typeof English = {
  askedAbout: "설명 대상",
  predictedClass: "예측한 클래스 (자동)",
  predictedClassHelp: "모델이 무엇을 예측하든 그 클래스를 설명합니다",
  rather: (target, foil) => `${foil} 대신 ${target}`,
  customTarget: (name) => `직접 정의한 대상 ${name}`,
  searchClasses: "클래스 검색",
  searchPlaceholder: (classes) => `클래스 ${formatCount(classes)}개 가운데 검색`,
  noClassFound: (query) => `“${query}”에 해당하는 클래스가 없습니다.`,
  moreMatches: (count) => `${formatCount(count)}개가 더 있습니다. 계속 입력해 범위를 좁히세요.`,
  more: "더 보기",
  fewer: "접기",
  classShare: (label, share) => `${label}, ${share}`,
  notClassSpecific: "이 기법의 맵은 클래스에 따라 달라지지 않습니다.",

  accessGroups: {
    black_box: "출력만 사용 (블랙박스)",
    gradient: "그래디언트",
    white_box: "내부 레이어 (화이트박스)",
  },
  about: "이 기법에 대하여",
  reference: "참고 문헌",
  refusedMethods: (count) => `이 모델을 설명할 수 없는 기법 ${count}개`,
  refused: (reason) => `이 모델에는 쓸 수 없습니다: ${reason}`,

  defaultLayer: (name) => (name === null ? "기본값" : `기본값 (${name})`),
  noLayer: "이 기법은 레이어를 쓰지 않습니다",
  noLayerHelp: "모델 전체를 한꺼번에 봅니다.",
  fusedLayers: (names) => `${names.join(" + ")} (융합)`,
  previousLayer: "이전 레이어",
  nextLayer: "다음 레이어",
  unsuitableLayers: (count) => `이 기법에 맞지 않는 레이어 ${count}개`,

  reset: "초기화",
  resetHelp: "기법의 기본 파라미터로 되돌립니다",
  noParameters: "이 기법에는 파라미터가 없습니다.",
  autoValue: (value) => (value === null ? "자동" : `자동 (${value})`),
  backToAuto: (label) => `${label}: 자동으로 되돌리기`,
  valueOf: (label) => `${label} 값`,
  none: "없음",
  on: "켬",
  off: "끔",
  cost: ({ forwards, backwards, seconds }) => {
    const passes = backwards > 0 ? `, 역전파 ${formatCount(backwards)}회` : "";
    const time = seconds === null ? "" : `, 약 ${duration(seconds)}`;
    return `≈ 모델 호출 ${formatCount(forwards)}회${passes}${time}`;
  },
  costUnknown: "…",
};
