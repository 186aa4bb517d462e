import type { offline as English } from "../en/offline";

export const offline: typeof English = {
  savedMaps: "저장된 맵",
  notComputed: "계산되지 않음",
  notSaved: (question) => `${question}: 이 맵은 페이지를 저장하기 전에 계산되지 않았습니다.`,
  needsKernel: "이 페이지에는 커널이 없어 새로 계산할 수 없습니다.",
  offlineHint: "노트북에서 계산한 뒤 페이지를 다시 저장하세요.",
  regionsNotSaved: "페이지를 저장하기 전에 재지 않았습니다.",
  filmNotSaved: "페이지를 저장하기 전에 모든 레이어의 맵을 계산하지 않았습니다.",
  heldFor: (way, targets) => `${targets.join(", ")}에 대한 ${way}`,
  held: (ways) =>
    ways.length === 0
      ? "이 페이지에는 이 이미지의 맵이 없습니다. 노트북에서 계산한 뒤 페이지를 다시 저장하세요."
      : `이 페이지에 있는 맵: ${ways.join("; ")}. 이 가운데 하나를 고르거나, 노트북에서 계산한 뒤 페이지를 다시 저장하세요.`,
};
