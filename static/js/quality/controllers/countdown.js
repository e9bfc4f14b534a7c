// The time that is left of a test, to the minute and at last to the second; when it is up the page says so by itself.
import { _ } from "../../shared/words.js";

const ENDING = 120; // seconds before the end

export function connect(element) {
  const clock = element.querySelector("[data-clock]");
  const ends = Date.now() + Number(element.dataset.secondsLeft) * 1000;
  let over = Number(element.dataset.secondsLeft) <= 0;
  const draw = () => {
    const left = Math.max(0, Math.round((ends - Date.now()) / 1000));
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor((left % 3600) / 60), left % 60];
    clock.textContent = hours
      ? _("%(hours)s h %(minutes)s min", { hours, minutes })
      : _("%(minutes)s min %(seconds)s s", { minutes, seconds });
    element.classList.toggle("ending", left < ENDING);
    if (left > 0 || over) return;
    over = true;
    location.reload();
  };
  setInterval(draw, 1000);
  draw();
}
