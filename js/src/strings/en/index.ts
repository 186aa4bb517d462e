import { asking } from "./asking";
import { comparing } from "./comparing";
import { doing } from "./doing";
import { general } from "./general";
import { offline } from "./offline";
import { stage } from "./stage";
import { taking } from "./taking";
import { volume } from "./volume";

export const english = { ...general, ...stage, ...asking, ...doing, ...comparing, ...taking, ...offline, ...volume };
