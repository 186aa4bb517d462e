import type { stage as English } from "../en/stage";

const PLACES = [
  ["왼쪽 위", "위쪽", "오른쪽 위"],
  ["왼쪽", "가운데", "오른쪽"],
  ["왼쪽 아래", "아래쪽", "오른쪽 아래"],
] as const;

const SIGNS = { "": "", positive: " 그곳의 값은 양수입니다", negative: " 그곳의 값은 음수입니다" };

export const stage: typeof English = {
  opacity: "불투명도",
  threshold: "임곗값",
  gamma: "감마",
  gammaHelp: "1보다 작으면 약한 값이, 1보다 크면 가장 강한 값이 두드러집니다",
  thresholdHelp: "최댓값의 이 비율보다 약한 값을 숨깁니다",
  colourMap: "컬러맵",
  autoColours: (name) => `자동 (${name})`,
  sequential: "순차형",
  diverging: "발산형 (0 기준)",
  trueCells: "원래 격자",
  trueCellsHelp: "보간하지 않고 맵의 격자를 그대로 보여 줍니다",
  mode: "보기",
  modes: {
    overlay: "겹쳐 보기",
    side: "나란히",
    curtain: "커튼",
    map: "맵",
    contours: "등고선",
    regions: "영역",
    image: "원본",
  },

  colourBar: "컬러바",
  grid: (rows, columns) => `격자 ${rows}×${columns}`,
  partial: (fraction) => `중간 결과, ${Math.round(fraction * 100)} %`,
  previous: "이전 맵",
  nothingYet: "아직 히트맵이 없습니다",
  connecting: "연결 중",
  noPicture: "이미지를 기다리는 중 …",
  pixel: (x, y) => `x ${x}, y ${y}`,
  pointHint: "이미지를 가리키거나 화살표 키를 누르면 값을 읽을 수 있습니다.",
  finding: (method, target, where) => `${target}에 대한 ${method}: ${where}.`,
  plainPicture: "이미지입니다. 아직 히트맵이 없습니다.",
  strongestAt: (place, sign) => {
    const where = PLACES[place.vertical + 1][place.horizontal + 1];
    return `${where}에서 가장 강합니다${sign === "" ? "" : `.${SIGNS[sign]}`}`;
  },
  allZero: "맵의 값이 모두 0입니다.",
  nothingPositive: "맵에 양수 값이 없습니다. 이 클래스를 뒷받침하는 곳이 없습니다.",
  nothingSeen: "보이는 것이 없습니다",
};
