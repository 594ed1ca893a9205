/**
 * Whom a page gives itself out for: sites of the widest tier whose name its address borrows or its title has. Pure.
 *
 * This decides whether the server is asked, which compares marks and reads more spellings (names/resemblance.py): a
 * short name that is joined with another word, and two wrong letters in a long one, are left to it.
 */
import { nameAt, sitesOf, tierAt } from "../looks/list.js";

const LONG = 5;
/** A name of so many letters is recognised with one of them wrong. */
const ONE_OFF = 6;
const LEAST_IN_TITLE = 3;
/** So many words side by side may be a name: "Bank of America". */
const MOST_WORDS = 3;
const LONGEST_TITLE = 1000;
/** Letters and digits that are taken for others, each above what it is read as. */
const [SEEN, READ] = [
  "ij013457869$абвгеѐёзийіїјкмнопрстухьѕԁԛԝһӏҽԍҝαβγεηικνορστυχωϲϳıłøđħŧɡɑɩɴʀʟ",
  "lloleastbgqsabbreeeeuullikmhonpctyxbsdqwhlegkabyenlkvopotuxwcjllodhtgalnrl",
].map((letters) => [...letters]);
const READ_AS = new Map(SEEN.map((letter, place) => [letter, READ[place].replace(/[ij]/, "l")]));
const PAIRS = [["rn", "m"], ["vv", "w"], ["cl", "d"]];

const known = new WeakMap();

/** The names of a list's sites of the widest tier, as `namesAmong` makes them, once for each list. */
export function namesOf(list) {
  if (!known.has(list)) known.set(list, namesAmong(widest(list)));
  return known.get(list);
}

function* widest(list) {
  for (let place = 0; place < sitesOf(list); place++) if (tierAt(list, place) === "wide") yield nameAt(list, place);
}

/** {sites, long}: the sites of each name, by how the name reads, and the names that may be misspelt, by their length. */
export function namesAmong(sites) {
  const names = { sites: new Map(), long: new Map() };
  for (const site of sites) {
    const word = folded(labelOf(site)).replaceAll("-", "");
    if (word.length < 2) continue;
    if (names.sites.has(word)) names.sites.get(word).push(site);
    else names.sites.set(word, [site]);
    if (word.length < ONE_OFF) continue;
    if (names.long.has(word.length)) names.long.get(word.length).push(word);
    else names.long.set(word.length, [word]);
  }
  return names;
}

/** Whether the name of a site borrows another's, as far as can be told here. */
export function borrows(names, site) {
  const label = labelOf(site);
  return [label, label.replace(/\d+$/, "")].some((spelling) => {
    const parts = folded(spelling).split("-").filter(Boolean);
    const joined = parts.join("");
    const whole = [joined, ...parts];
    const isOthers = (word) => names.sites.get(word)?.some((other) => other !== site);
    return whole.some(isOthers) || partsOf(joined).some(isOthers) || whole.some((part) => isNearly(names, part, site));
  });
}

/** The words of a title that name a site of the list other than the page's own, as they stand there. */
export function namedIn(names, title, site) {
  const words = title.slice(0, LONGEST_TITLE).match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  const read = words.map(folded);
  const found = new Set();
  for (let start = 0; start < words.length; start++)
    for (let end = start + 1; end <= Math.min(start + MOST_WORDS, words.length); end++) {
      const word = read.slice(start, end).join("");
      if (word.length < LEAST_IN_TITLE || !names.sites.get(word)?.some((other) => other !== site)) continue;
      found.add(words.slice(start, end).join(" "));
    }
  return [...found].join(" | ");
}

/** A text as the eye takes it in: of letters that look alike one stands for all. */
export function folded(text) {
  const plain = text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
  const read = [...plain].map((letter) => READ_AS.get(letter) ?? letter).join("");
  return PAIRS.reduce((so_far, [pair, single]) => so_far.replaceAll(pair, single), read);
}

/** The label that a site's owner chose; of one in other scripts, the letters that are in ours. */
function labelOf(site) {
  const [label] = site.split(".");
  return label.startsWith("xn--") ? label.slice(4, Math.max(4, label.lastIndexOf("-"))) : label;
}

function partsOf(text) {
  const parts = [];
  for (let start = 0; start + LONG <= text.length; start++)
    for (let end = start + LONG; end <= text.length; end++) parts.push(text.slice(start, end));
  return parts;
}

function isNearly(names, part, site) {
  const lengths = [part.length - 1, part.length, part.length + 1];
  return lengths.some((length) =>
    names.long.get(length)?.some((word) => differInOne(word, part) && names.sites.get(word).some((other) => other !== site)),
  );
}

/** Whether one letter is added, left out or changed, or two neighbours are swapped, at most. */
function differInOne(one, other) {
  const shorter = Math.min(one.length, other.length);
  let start = 0, end = 0;
  while (start < shorter && one[start] === other[start]) start++;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const [left, right] = [one, other].map((word) => word.slice(start, word.length - end));
  const isSwapped = left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
  return isSwapped || Math.max(left.length, right.length) <= 1;
}
