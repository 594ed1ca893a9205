/**
 * What is said of a page at home, without asking anybody: pure.
 *
 * The answer is {verdict, action, reasons: [code], looksLike: [site], ask, closer}; with `ask` the server knows better,
 * with `closer` a sharper picture of the icon may.
 */
import { placeOf } from "../looks/list.js";
import { near } from "../looks/search.js";

const SURE_BITS = { wide: 59, standard: 54, strict: 36 };
const LEAST_WORD = 4;

/**
 * `page` is {site, forms (null: no icon), allowed, seen (what the site showed before, or null), claims (whether it gives
 * itself out for a trusted site)}, `ready` the list as `searchable` makes it, or null; `mode` is normal, strict or open.
 */
export function decide(page, ready, mode) {
  if (page.allowed) return allow("trusted", ["allowlisted"]);
  if (ready && placeOf(ready.list, page.site) >= 0) return allow("trusted", ["ranked"]);
  if (!page.forms) return warn(["no_icon"]);
  if (!page.forms.length) return warn(["degenerate"]);
  const alike = ready ? near(ready, page.forms).filter((one) => one.site !== page.site) : [];
  const others = alike.filter((one) => one.isNear);
  return { ...decideAmong(page, others, ready, mode), closer: alike.length > 0 };
}

function decideAmong(page, others, ready, mode) {
  const family = ready ? familyOf(page.site, ready.list.extras.families) : new Set();
  if (others.some((one) => family.has(one.site))) return allow("trusted", ["family"], others);
  if (!others.length) {
    const first = allow("first_use", ready ? [page.seen ? "seen_here" : "first_use"] : ["no_list"]);
    return { ...first, ask: mode === "open" || (page.claims && mode !== "strict") };
  }
  if (others.every((one) => one.isCommon) && !others.some((one) => resembles(page.site, one.site)))
    return { ...allow("first_use", ["common_look"], others), ask: page.claims && mode !== "strict" };
  return { ...byItself(page, others), ask: mode !== "strict" };
}

/** What is said where an icon is near somebody's and nobody can or may be asked: a warning at most. */
function byItself(page, others) {
  const surest = others.filter((one) => one.bits <= SURE_BITS[one.tier]);
  if (!surest.length) return allow("first_use", ["first_use"], others);
  const reasons = ["looks_like"];
  if (page.seen && !page.seen.looks.some((look) => page.forms.some((form) => form.hex === look))) reasons.push("look_changed");
  return warn(reasons, surest);
}

/** The sites that the operator vouches for as one family with this one, through third ones too. */
function familyOf(site, pairs) {
  const family = new Set([site]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const [one, other] of pairs)
      if (family.has(one) !== family.has(other)) {
        family.add(one).add(other);
        grown = true;
      }
  }
  return family;
}

/** Whether a site's name has in it that of whoever wears a common look: `gitlab-login.top`. Its users call a host so. */
function resembles(site, vendor) {
  const label = vendor.split(".")[0];
  return label.length >= LEAST_WORD && site.replaceAll("-", "").includes(label.replaceAll("-", ""));
}

const allow = (verdict, reasons, others = []) => said(verdict, "allow", reasons, others);
const warn = (reasons, others = []) => said("grey", "warn", reasons, others);

function said(verdict, action, reasons, others) {
  return { verdict, action, reasons, looksLike: others.slice(0, 3).map((one) => one.site), ask: false, closer: false };
}
