import type { volume as English } from "../en/volume";

export const volume: typeof English = {
  planes: {
    axial: "축상면",
    coronal: "관상면",
    sagittal: "시상면",
    first: "첫째 축",
    second: "둘째 축",
    third: "셋째 축",
  },
  layout: "배치",
  layouts: { panes: "세 단면", montage: "몽타주" },
  layoutHelps: {
    panes: "세 단면: 십자선에서 만나는 세 단면",
    montage: "몽타주: 한 방향의 여러 단면",
  },
  planeShown: "단면",
  sliceCount: "단면 수",
  strongestPlace: "가장 강한 곳",
  strongestPlaceHelp: "맵이 가장 강한 곳으로 십자선을 옮깁니다",
  middlePlace: "가운데",
  middlePlaceHelp: "볼륨의 가운데로 십자선을 옮깁니다",
  radiological: "영상의학 방식",
  radiologicalHelp: "영상의학에서 보듯 환자의 왼쪽을 오른쪽에 표시합니다",

  sliceOf: (plane) => `${plane} 위치`,
  sliceAt: (index, last) => `${last} 중 ${index}`,
  voxelAt: (voxel) => `복셀 ${voxel}`,
  inputValue: (value) => `입력 ${value}`,
  paneLabel: (plane, slice, reading) => `${plane}, ${slice}. 십자선 위치: ${reading}`,
  paneHint: "화살표 키로 십자선을, Page Up과 Page Down으로 단면을 옮깁니다",
  montageLabel: (plane) => `몽타주, ${plane}`,
  tileHelp: "누르면 십자선이 옮겨지고, 두 번 누르면 세 단면이 보입니다",
  saveNifti: "NIfTI 저장",
  saveNiftiHelp: "입력 공간의 맵을 뇌영상 프로그램용으로 저장합니다",
};
