/** Whether a larger picture is the one that the browser has drawn small. */
import { premultiplied } from "./forms.js";
import { resized } from "./resample.js";

/** Levels by which a browser's own resampling differs from Lanczos: at most 4, 7 where pixels are half transparent. */
const MEAN_LEVELS = 4;
const MOST_LEVELS = 48;

/** Whether `larger`, drawn at the size of `small`, has its pixels; both straight RGBA {data, width, height}. */
export function isSamePicture(small, larger) {
  const whole = premultiplied(small).data;
  const again = resized(premultiplied(larger), small.width, small.height).data;
  let sum = 0;
  for (let at = 0; at < whole.length; at++) {
    const apart = Math.abs(whole[at] - again[at]);
    if (apart > MOST_LEVELS) return false;
    sum += apart;
  }
  return sum <= MEAN_LEVELS * whole.length;
}
