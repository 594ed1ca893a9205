/**
 * The guard in every frame. It does nothing but listen until its tab is locked: no observer, no timer, no request. What it
 * tells before that is that a password field has the focus.
 *
 * Listeners are on the window from the start and are never taken away and added again, which would move them behind
 * the page's. It has four states: "" lets everything pass; "watch" swallows what is typed and waits until the page asks
 * for something; "cover" swallows everything and covers the page; "view" swallows what is typed.
 */
(() => {
  const ASKS =
    "input:not([type=hidden],[type=button],[type=submit],[type=reset],[type=image],[type=checkbox],[type=radio],[type=range],[type=color])," +
    "textarea,select,[contenteditable]:not([contenteditable=false])";
  const TYPED = ["keydown", "keypress", "keyup", "beforeinput", "input", "paste", "drop", "cut", "compositionstart"];
  const POINTED = [
    "click", "dblclick", "auxclick", "contextmenu", "mousedown", "mouseup", "pointerdown", "pointerup",
    "touchstart", "touchend", "dragstart", "submit", "focus", "focusin",
  ];
  const LOOK_EVERY_MS = 400;
  const HOLD_EVERY_MS = 50;
  const UNKNOWN_MS = 1500;
  const MOST_SHOWN_AGAIN = 200;

  let guard = "";
  // A frame that was added to a locked page must not be typed into before it knows, nor a window that a page filled.
  let unknown = window !== window.top || location.protocol === "about:";
  let asked = false;
  let told = false;
  let looking = null;
  let cover = null;

  for (const type of TYPED) window.addEventListener(type, (event) => typed(event), { capture: true });
  for (const type of POINTED) window.addEventListener(type, (event) => pointed(event), { capture: true, passive: false });
  // What covers the page is shown whatever the page says to its being shown.
  for (const type of ["beforetoggle", "toggle"])
    window.addEventListener(type, (event) => cover && event.target === cover && event.stopImmediatePropagation(), { capture: true });
  chrome.runtime.onMessage.addListener((message) => {
    if (message && typeof message.guard === "string") become(message.guard);
  });
  ask();

  function ask() {
    const giveUp = setTimeout(() => (unknown = false), UNKNOWN_MS);
    chrome.runtime
      .sendMessage({ type: "frame" })
      .then((answer) => answer?.guard && become(answer.guard))
      .catch(() => null)
      .finally(() => {
        clearTimeout(giveUp);
        unknown = false;
      });
  }

  function become(wanted) {
    guard = wanted;
    if (guard === "watch" || guard === "cover") look();
    if (guard === "cover") hold();
    if (guard === "view") banner();
  }

  function typed(event) {
    if (guard === "cover" || unknown) return swallow(event);
    if (!guard || !event.isTrusted || isShortcut(event)) return;
    if (guard === "view" && !isSandboxed()) return asks(), swallow(event);
    const [target] = event.composedPath();
    if (target instanceof Element && isField(target)) {
      swallow(event);
      if (guard === "watch") asks();
    } else if (event.type !== "keydown" || event.key.length === 1) swallow(event);
  }

  function pointed(event) {
    if (event.type === "focusin" && !told && event.composedPath()[0]?.type === "password") {
      told = true;
      chrome.runtime.sendMessage({ type: "password" }).catch(() => null);
    }
    if (guard === "cover") return swallow(event);
    if (guard === "watch" && event.isTrusted && event.composedPath().some((one) => one instanceof Element && isField(one))) {
      swallow(event);
      asks();
    }
  }

  function swallow(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** What is for the browser and not for the page. A third key gives "@" on many keyboards: that is typed. */
  function isShortcut(event) {
    if (!(event instanceof KeyboardEvent) || event.getModifierState("AltGraph")) return false;
    if (event.altKey) return event.key.length > 1 || /^[a-z0-9]$/i.test(event.key);
    return (event.ctrlKey || event.metaKey) && event.key.toLowerCase() !== "v";
  }

  function isField(element) {
    const isEdited = element.isContentEditable || element.editContext || element.ownerDocument.designMode === "on";
    return isEdited || element.matches(ASKS);
  }

  function isSandboxed() {
    return self.origin === "null";
  }

  function asks() {
    if (asked) return;
    asked = true;
    chrome.runtime.sendMessage({ type: "asks" }).catch(() => null);
  }

  /** Look for fields now, and again for those that come late, until there is one. Only on a locked page. */
  function look() {
    if (looking || asked) return;
    const once = () => {
      if (guard !== "watch" && guard !== "cover") return stop();
      if (!hasField(document) && !hasField(floating())) return;
      stop();
      guard = "cover";
      hold();
      asks();
    };
    const stop = () => {
      clearInterval(looking);
      looking = null;
    };
    looking = setInterval(once, LOOK_EVERY_MS);
    once();
  }

  /** The document in the window that floats above all others, which no tab shows and no guard is in. */
  function floating() {
    return globalThis.documentPictureInPicture?.window?.document;
  }

  function hasField(root) {
    if (!root) return false;
    if (root.designMode === "on" || root.querySelector(ASKS)) return true;
    for (const element of root.querySelectorAll("*")) if (element.editContext || hasField(shadowOf(element))) return true;
    return false;
  }

  function shadowOf(element) {
    if (element.openOrClosedShadowRoot) return element.openOrClosedShadowRoot;
    return element instanceof HTMLElement ? globalThis.chrome?.dom?.openOrClosedShadowRoot(element) : null;
  }

  /** Cover the page until the tab has gone to the lock page: tens of milliseconds, or as long as the page hangs. */
  function hold() {
    if (cover) return;
    cover = document.createElement("div");
    const shadow = cover.attachShadow({ mode: "closed" });
    // Rules of the inner context with !important are above all that the page says of the host.
    styled(shadow, `:host{all:initial!important;position:fixed!important;inset:0!important;display:block!important;
      width:100vw!important;height:100vh!important;max-width:none!important;max-height:none!important;margin:0!important;
      border:0!important;padding:0!important;background:#161513!important;opacity:1!important;visibility:visible!important;
      pointer-events:auto!important;z-index:2147483647!important;transform:none!important;clip-path:none!important;
      filter:none!important;transition:none!important;animation:none!important}`);
    cover.popover = "manual";
    let again = 0;
    const show = () => {
      if (guard !== "cover" || again > MOST_SHOWN_AGAIN) return clearInterval(timer);
      const there = cover.isConnected && document.elementFromPoint(innerWidth / 2, innerHeight / 2) === cover;
      if (there) return;
      again++;
      try {
        if (!cover.isConnected) (document.documentElement ?? document).append(cover);
        if (cover.matches(":popover-open")) cover.hidePopover();
        cover.showPopover();
        if (document.body) document.body.inert = true;
        document.activeElement?.blur();
      } catch {
        // The page is taking its document apart; the next turn tries again.
      }
    };
    const timer = setInterval(show, HOLD_EVERY_MS);
    show();
  }

  /** Style that no policy of the page refuses; Firefox keeps constructed sheets from content scripts. */
  function styled(shadow, rules) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules);
      shadow.adoptedStyleSheets = [sheet];
    } catch {
      const style = document.createElement("style");
      style.textContent = rules;
      shadow.append(style);
    }
  }

  /** A line above a page that is shown without script. */
  function banner() {
    if (window !== window.top) return;
    const add = () => {
      const host = document.createElement("div");
      const shadow = host.attachShadow({ mode: "closed" });
      styled(shadow, `:host{all:initial!important;position:fixed!important;inset:auto 0 0 0!important;display:block!important;
        z-index:2147483647!important;pointer-events:none!important}
        p{margin:0;padding:.7rem 1rem;background:#c92a2a;color:#fff;font:600 15px/1.4 system-ui,sans-serif;text-align:center}`);
      const text = document.createElement("p");
      text.textContent = chrome.i18n.getMessage("viewing");
      shadow.append(text);
      document.documentElement?.append(host);
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", add, { once: true });
    else add();
  }
})();
