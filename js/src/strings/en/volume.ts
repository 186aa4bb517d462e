import type { Layout, PlanePayload } from "../../protocol";

/** Volumes: their planes, and where one looks in them. */
export const volume = {
  planes: {
    axial: "Axial",
    coronal: "Coronal",
    sagittal: "Sagittal",
    first: "First axis",
    second: "Second axis",
    third: "Third axis",
  } satisfies Record<PlanePayload["name"], string>,
  layout: "Arrangement",
  layouts: { panes: "Planes", montage: "Montage" } satisfies Record<Layout, string>,
  layoutHelps: {
    panes: "Planes: three that meet at the crosshair",
    montage: "Montage: slices of one plane",
  } satisfies Record<Layout, string>,
  planeShown: "Plane",
  sliceCount: "Slices",
  strongestPlace: "Strongest place",
  strongestPlaceHelp: "Move the crosshair to where the map is strongest",
  middlePlace: "Middle",
  middlePlaceHelp: "Move the crosshair to the middle of the volume",
  radiological: "Radiological",
  radiologicalHelp: "The patient’s left on the right, as radiologists look at it",

  sliceOf: (plane: string) => `Slice, ${plane}`,
  sliceAt: (index: number, last: number) => `${index} of ${last}`,
  voxelAt: (voxel: string) => `voxel ${voxel}`,
  inputValue: (value: string) => `input ${value}`,
  paneLabel: (plane: string, slice: string, reading: string) =>
    `${plane}, slice ${slice}. At the crosshair: ${reading}`,
  paneHint: "Arrow keys move the crosshair; Page Up and Page Down change the slice",
  montageLabel: (plane: string) => `Montage, ${plane}`,
  tileHelp: "Press to move the crosshair there, twice to see the three planes",
  saveNifti: "Save NIfTI",
  saveNiftiHelp: "The map in the input’s space, for neuro-imaging software",
};
