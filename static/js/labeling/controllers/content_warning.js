// The notice of a task whose texts open hidden: its button and the key b show them and hide them again. What is
// hidden is inert: blurred for the eye, not there for screen readers, the search of the page and the keyboard.
import { onPageKeys } from "../../shared/keys.js";
import { _ } from "../../shared/words.js";

const token = document.querySelector('meta[name="csrf-token"]')?.content;

export function connect(notice) {
  const button = notice.querySelector("button");
  let hidden = "textsHidden" in notice.dataset;

  function draw() {
    notice.toggleAttribute("data-texts-hidden", hidden);
    notice.querySelector("[data-while-hidden]").hidden = !hidden;
    button.value = hidden ? "yes" : "no";
    button.querySelector("[data-words]").textContent = hidden ? _("Show the texts") : _("Hide the texts");
    for (const text of document.querySelectorAll("[data-sensitive-text]")) {
      text.inert = hidden;
      text.ariaHidden = hidden ? "true" : null; // for readers that do not know of inert yet
    }
    for (const note of document.querySelectorAll("[data-hidden-note]")) note.hidden = !hidden;
  }

  function turn() {
    hidden = !hidden;
    draw();
    notice.querySelector("[data-said]").textContent = hidden ? _("The texts are hidden.") : _("The texts are shown.");
    // Whoever uncovers goes on to read, and Enter belongs to the page again.
    if (!hidden && notice.contains(document.activeElement))
      (document.querySelector(".prompt-text, #text") ?? document.getElementById("main")).focus();
    fetch(button.form.action, {
      method: "POST",
      body: new URLSearchParams({ shown: hidden ? "no" : "yes", autosave: "1" }),
      keepalive: true,
      headers: { "X-CSRF-Token": token, Accept: "application/json" },
    }).catch(() => {
      /* offline: the next page opens as this one did */
    });
  }

  button.addEventListener("click", (event) => {
    event.preventDefault();
    turn();
  });
  onPageKeys({ b: turn });
  draw();
  notice.dataset.ready = "";
}
