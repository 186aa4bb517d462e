import { formatCount } from "../../format";
import type { general as English } from "../en/general";
import { duration } from "./units";

export const general: typeof English = {
  predictions: "예측",
  method: "기법",
  layer: "레이어",
  parameters: "파라미터",
  display: "표시",
  picture: "이미지",
  notes: "참고",

  states: {
    idle: "준비됨",
    queued: "차례를 기다리는 중",
    running: "계산 중",
    done: "완료",
    cancelled: "취소됨",
    error: "실패",
  },
  run: "실행",
  cancel: "취소",
  stopping: "중지하는 중 …",
  stopsLater: "실행 중인 셀이 끝나면 중지됩니다.",
  progress: "진행률",
  duration,
  timeLeft: (seconds) => `약 ${duration(seconds)} 남음`,
  evaluations: (count) => `모델 호출 ${formatCount(count)}회`,
  silent:
    "커널이 응답하지 않습니다. 다른 셀을 실행하고 있거나 다시 시작된 상태입니다(다시 시작되었다면 셀을 다시 실행하세요).",

  details: "자세히",
  copy: "복사",
  copied: "복사됨",
  failed: "설명을 만들지 못했습니다",
  unreadable: "커널의 응답을 읽을 수 없습니다",
  unreadableHint: "페이지와 Python 패키지의 버전이 다를 수 있습니다. 페이지를 새로 고치세요.",
  broken: "위젯을 그릴 수 없습니다",
  brokenHint: "페이지를 새로 고치세요. 같은 문제가 다시 생기면 아래 내용을 붙여 알려 주세요.",
};
