// The guide panel: a question is asked, read and continued without leaving the task. What is typed stays on this
// device until it has been sent.
import { _ } from "../../shared/words.js";
import { forget, keep, keptUnder } from "../../shared/kept.js";
import { isSend, onKey } from "../../shared/keys.js";

const words = {
  offline: _("There is no connection. Your question is still here; send it again when you are online."),
  ended: _("Your session has ended. Sign in again in another tab, then send it again; your question is still here."),
  broken: _("The server could not take it. Your question is still here; try again in a minute."),
};

async function refusal(answer) {
  if (answer.status === 401) return words.ended;
  try {
    return (await answer.json()).error;
  } catch {
    return words.broken;
  }
}

export function connect(panel) {
  const list = panel.querySelector("[data-questions]");
  const ask = panel.querySelector("[data-ask]");
  if (!ask) return; // who is tested asks nothing
  const text = ask.elements.text;
  const path = new URL(ask.action).pathname;

  text.value ||= keptUnder("question", path) ?? "";
  text.addEventListener("input", () => {
    if (text.value) keep("question", path, text.value);
    else forget("question", path);
  });

  const send = async (form) => {
    const error = form.querySelector("[data-error]");
    if (error) error.hidden = true;
    let sentence = words.offline;
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "HX-Request": "true", Accept: "application/json" },
      });
      if (answer.ok) {
        list.innerHTML = await answer.text();
        return true;
      }
      sentence = await refusal(answer);
    } catch {
      /* no connection */
    }
    if (error) {
      error.textContent = sentence;
      error.hidden = false;
    }
    return false;
  };

  panel.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method === "dialog") return;
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    if (button.disabled) return;
    button.disabled = true;
    const sent = await send(form);
    button.disabled = false;
    if (!sent) return;
    document.querySelector("[data-unread]")?.toggleAttribute("hidden", !list.querySelector(".thread[open]"));
    if (form !== ask) return;
    text.value = "";
    forget("question", path);
    panel.querySelector("[data-said]").textContent = _("Asked. The answer comes here and on your work page.");
  });
  onKey(panel, (key, event) => {
    if (!isSend(key, event) || !event.target.form) return false;
    event.target.form.requestSubmit();
    event.stopPropagation();
    return true;
  });
}
