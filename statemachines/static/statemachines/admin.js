/* What the pages gain with JavaScript; without it they do the same.

   A form is sent once: a second click does nothing. A picture can be seen in full size, and states can be chosen on it,
   by mouse and by keyboard. */
"use strict";

{
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (event.submitter && event.submitter.hasAttribute("data-again")) return;
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      form.dataset.sent = "yes";
      for (const button of form.querySelectorAll("button[type=submit]")) button.setAttribute("aria-busy", "true");
    });
  }
  // Who comes back by the browser's history may send again; the server knows whether it was done.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });

  // A large picture is scaled to the page; it can be read in its own size.
  for (const picture of document.querySelectorAll(".sm-picture")) {
    const drawn = picture.querySelector("svg");
    if (!drawn || drawn.getBoundingClientRect().width >= Number(drawn.getAttribute("width")) - 1) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    const show = () => {
      const full = picture.classList.contains("sm-full");
      button.textContent = full ? picture.dataset.fit : picture.dataset.full;
      button.setAttribute("aria-pressed", String(full));
    };
    button.addEventListener("click", () => {
      picture.classList.toggle("sm-full");
      show();
    });
    show();
    picture.prepend(button);
  }

  // A job's page shows how far it is, until it is done.
  const follow = async () => {
    const shown = document.querySelector("[data-refresh]");
    if (!shown) return;
    await new Promise((done) => setTimeout(done, 1000 * shown.dataset.refresh));
    try {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      shown.replaceWith(page.querySelector(".sm-page") || shown);
    } catch {
      // the server cannot be reached now
    }
    follow();
  };
  follow();

  const force = document.getElementById("force");
  if (force) {
    force.querySelector(".statechart")?.setAttribute("role", "group"); // an image has no buttons in it
    const parallel = new Set(force.dataset.parallel ? force.dataset.parallel.split(" ") : []);
    const inputs = [...force.querySelectorAll("input[name=targets]")];
    const state = (path) => force.querySelector(`.statechart [data-state="${CSS.escape(path)}"]`);

    // Two states go together where the innermost state that holds both is parallel.
    const together = (one, other) => {
      const [a, b] = [one.split("."), other.split(".")];
      let common = 0;
      while (common < a.length && common < b.length && a[common] === b[common]) common += 1;
      return common < a.length && common < b.length && parallel.has(a.slice(0, common).join("."));
    };

    const show = () => {
      for (const input of inputs) {
        const drawn = state(input.value);
        if (!drawn) continue;
        drawn.classList.toggle("sm-picked", input.checked);
        drawn.setAttribute("aria-pressed", String(input.checked));
      }
    };

    for (const input of inputs) {
      input.addEventListener("change", () => {
        if (input.checked) {
          for (const other of inputs) {
            if (other !== input && other.checked && !together(input.value, other.value)) other.checked = false;
          }
        }
        show();
      });
      const drawn = state(input.value);
      if (!drawn) continue;
      drawn.classList.add("sm-pick");
      drawn.setAttribute("tabindex", "0");
      drawn.setAttribute("role", "button");
      drawn.setAttribute("aria-label", input.closest("label").textContent.trim());
      const choose = (event) => {
        event.preventDefault();
        event.stopPropagation();
        input.checked = input.type === "radio" || !input.checked;
        input.dispatchEvent(new Event("change"));
      };
      drawn.addEventListener("click", choose);
      drawn.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") choose(event);
      });
    }
    show();
  }
}
