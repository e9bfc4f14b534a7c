// Dragging a card to a place, by mouse, finger or pen. Nothing on the page moves meanwhile: the card stays where it is
// and a token follows the pointer. The place under the pointer is marked, and what is marked at the end is what the
// person gets. At the edges of what can be seen the page scrolls. Escape, and whatever the browser takes the pointer
// away for, ends a drag without effect.
import { onKey } from "../shared/keys.js";

const TOLERANCE = 4; // px before a press becomes a drag
const [ASIDE, MARGIN, CLEAR] = [14, 8, 36]; // px from the pointer, from the edges of the window, from a finger
const EDGE = 56; // px at the edges of the view in which the page scrolls
const FASTEST = 900; // px a second, at the edge itself

// grabs(event): the card that a press takes, or nothing. placeAt(x, y): the place at a point of the window. view(): the
// part of the window in which places can be seen, {top, bottom}. token(card): what follows the pointer. mark(card,
// place, token): shows a place; null takes the mark away. Answers {stop}: whatever else moves cards ends a drag.
export function makeDraggable(area, { grabs, placeAt, view, token, mark, dropped }) {
  let drag = null;

  area.addEventListener("pointerdown", (event) => {
    const card = !drag && event.isPrimary && event.button === 0 ? grabs(event) : null;
    if (!card) return;
    drag = {
      card,
      id: event.pointerId,
      handle: event.target,
      from: [event.clientX, event.clientY],
      at: null,
      token: null,
      place: null,
    };
    // A finger is held by what it touched anyway; a mouse is held so that it may leave the window.
    drag.handle.setPointerCapture(event.pointerId);
  });

  area.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drag?.id) return;
    const at = [event.clientX, event.clientY];
    if (!drag.token && Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) < TOLERANCE) return;
    drag.at = at;
    if (!drag.token) begin(event.pointerType);
    follow();
  });

  area.addEventListener("pointerup", (event) => {
    if (event.pointerId !== drag?.id) return;
    const { card, place } = drag;
    end();
    if (place !== null) dropped(card, place);
  });
  for (const kind of ["pointercancel", "lostpointercapture"]) {
    area.addEventListener(kind, (event) => event.pointerId === drag?.id && end());
  }
  addEventListener("scroll", () => drag?.token && follow(), { passive: true });
  // A long press of the handle is the beginning of a drag, no wish for a menu.
  area.addEventListener("contextmenu", (event) => drag && event.preventDefault());
  onKey(document, (key) => {
    if (key !== "Escape" || !drag?.token) return false;
    end();
    return true;
  });

  function begin(pointer) {
    drag.token = token(drag.card);
    drag.byMouse = pointer === "mouse";
    document.body.append(drag.token);
    document.documentElement.classList.add("dragging");
    drag.card.classList.add("ghost");
    drag.since = performance.now();
    requestAnimationFrame(scroll);
  }

  function follow() {
    const [x, y] = drag.at;
    const { top, bottom } = view();
    drag.place = placeAt(x, Math.min(bottom, Math.max(top, y)));
    mark(drag.card, drag.place, drag.token);
    // Below a mouse, above a finger, which would cover it.
    const { offsetWidth: width, offsetHeight: height } = drag.token;
    const left = Math.min(x + ASIDE, innerWidth - width - MARGIN);
    const under = drag.byMouse
      ? Math.min(y + ASIDE, innerHeight - height - MARGIN)
      : Math.max(MARGIN, y - height - CLEAR);
    drag.token.style.translate = `${left}px ${under}px`;
  }

  function scroll(now) {
    if (!drag?.token) return;
    const { top, bottom } = view();
    const above = top + EDGE - drag.at[1];
    const below = drag.at[1] - (bottom - EDGE);
    const pull = above > 0 ? -above : Math.max(0, below);
    const speed = Math.max(-1, Math.min(1, pull / EDGE)) * FASTEST;
    if (speed) scrollBy({ top: speed * Math.min(0.05, (now - drag.since) / 1000), behavior: "instant" });
    drag.since = now;
    requestAnimationFrame(scroll);
  }

  function end() {
    const { card, token: shown, handle, id } = drag;
    drag = null;
    if (handle.hasPointerCapture(id)) handle.releasePointerCapture(id);
    if (!shown) return;
    shown.remove();
    card.classList.remove("ghost");
    document.documentElement.classList.remove("dragging");
    mark(card, null);
  }

  return { stop: () => drag && end() };
}
