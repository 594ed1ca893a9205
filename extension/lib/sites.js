/** What a site is: the registrable domain of a host, under the suffix rules that come with the list. */

let compiled = { text: null, rules: null, exceptions: null };

/** The site of a host: with no rules yet, the host itself. `www.` before a site is the site. */
export function siteOf(host, suffixes) {
  const name = host.startsWith("www.") && host.split(".").length > 2 ? host.slice(4) : host;
  if (!suffixes?.length || isAddress(host)) return name;
  const { rules, exceptions } = rulesOf(suffixes);
  const labels = host.split(".");
  let suffix = 1, isException = false;
  for (let count = labels.length; count >= 1; count--) {
    const tail = labels.slice(-count).join(".");
    if (exceptions.has(tail)) {
      suffix = count - 1;
      isException = true;
      break;
    }
    const parent = labels.slice(-count + 1 || labels.length).join(".");
    if (rules.has(tail) || (count > 1 && rules.has(`*.${parent}`))) {
      suffix = count;
      break;
    }
  }
  if (labels.length <= suffix) return host;
  const own = labels[labels.length - suffix - 1];
  return labels.slice(own === "www" && !isException ? -suffix : -suffix - 1).join(".");
}

/** The host of a web page's address, or null for what has no verdict (another scheme, an address in numbers). */
export function hostOf(url) {
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    return null;
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") return null;
  const host = parsed.hostname.replace(/\.$/, "");
  return host && host.includes(".") && !isAddress(host) ? host : null;
}

function isAddress(host) {
  return host.startsWith("[") || /(^|\.)\d+$/.test(host);
}

function rulesOf(suffixes) {
  if (compiled.text !== suffixes) {
    const rules = new Set(suffixes.filter((rule) => !rule.startsWith("!")));
    const exceptions = new Set(suffixes.filter((rule) => rule.startsWith("!")).map((rule) => rule.slice(1)));
    compiled = { text: suffixes, rules, exceptions };
  }
  return compiled;
}
