// The notice of a task whose texts open hidden: its button and the key b show them and hide them again. What is
// hidden is inert: blurred for the eye, not there for screen readers, the search of the page and the keyboard.
import { onPageKeys } from "../keys.js";
import { _ } from "../words.js";

const token = document.querySelector('meta[name="csrf-token"]')?.content;

export function connect(notice) {
  const button = notice.querySelector("button");
  let veiled = "veiled" in notice.dataset;

  function draw() {
    notice.toggleAttribute("data-veiled", veiled);
    notice.querySelector("[data-while-veiled]").hidden = !veiled;
    button.value = veiled ? "yes" : "no";
    button.querySelector("[data-words]").textContent = veiled ? _("Show the texts") : _("Hide the texts");
    for (const text of document.querySelectorAll("[data-veil]")) {
      text.inert = veiled;
      text.ariaHidden = veiled ? "true" : null; // for readers that do not know of inert yet
    }
    for (const note of document.querySelectorAll("[data-veil-note]")) note.hidden = !veiled;
  }

  function turn() {
    veiled = !veiled;
    draw();
    notice.querySelector("[data-said]").textContent = veiled ? _("The texts are hidden.") : _("The texts are shown.");
    // Whoever uncovers goes on to read, and Enter belongs to the page again.
    if (!veiled && notice.contains(document.activeElement))
      (document.querySelector(".prompt-text, #text") ?? document.getElementById("main")).focus();
    fetch(button.form.action, {
      method: "POST",
      body: new URLSearchParams({ shown: veiled ? "no" : "yes", autosave: "1" }),
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
