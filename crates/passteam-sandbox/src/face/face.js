// What comes from requests is only ever set as text or as a property, never parsed as HTML.

const $ = (id) => document.getElementById(id);

const LABELS = {
  PHONE: "Телефон",
  EMAIL: "Почта",
  BIRTHDAY: "День рождения",
  DISCOUNT: "Скидка",
  NUMBERCARD: "Номер карты",
};
/** Longest value, in characters, that fits beside another one. */
const HALF_WIDTH = 15;
const BALANCE_NAMES = ["BONUS", "BALANCE"];
const CLIENT_NAMES = ["CLIENT_NAME", "NAME", "FIO"];

const FAULTS = [
  [
    "Лимит запросов: 429, повтор через 5 с",
    { status: 429, message: "Too many requests", headers: [["Retry-After", "5"]] },
  ],
  ["Сервер занят: 503", { status: 503, message: "Service unavailable" }],
  [
    "Страница HTML вместо ответа: 502",
    { status: 502, body: "<h1>502 Bad Gateway</h1>", headers: [["Content-Type", "text/html"]] },
  ],
  ["Внутренняя ошибка: code 500", { code: 500, message: "Internal error" }],
  ["Токен не принят: code 401", { code: 401, message: "Unauthorized." }],
  [
    "Чужой адрес: перенаправление 302",
    { status: 302, body: "", headers: [["Location", "https://other.invalid/"]] },
  ],
  ["Ответ через 15 секунд", { delayMs: 15000 }],
  ["Обрыв до выполнения", { drop: "beforeAnswer" }],
  ["Обрыв после выполнения, без ответа", { drop: "afterProcessing" }],
  ["Обрыв посреди ответа", { drop: { afterBytes: 20 } }],
];

/** A new element with these properties and children. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Sets a text, and lets it flash where it replaces another. */
function setText(target, text, flash = false) {
  if (target.textContent === text) return;
  target.textContent = text;
  if (flash) target.animate([{ backgroundColor: "rgb(255 255 255 / 75%)" }, { backgroundColor: "transparent" }], 1400);
}

/** Keeps the children of `parent` in step with `items`: `make(item)` gives a view with `root` and `update(item)`. */
function keyedList(parent, keyOf, make) {
  const views = new Map();
  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, view] of views) {
      if (keys.has(key)) continue;
      view.root.remove();
      views.delete(key);
    }
    items.forEach((item, place) => {
      const key = keyOf(item);
      if (!views.has(key)) views.set(key, make(item));
      const view = views.get(key);
      view.update(item);
      if (parent.children[place] !== view.root) parent.insertBefore(view.root, parent.children[place] ?? null);
    });
  };
}

function hue(text) {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)) % 360;
  return sum;
}

let templateNames = new Map();

function cardView({ cardId, cardUrl, templateId }) {
  const template = element("div", { className: "template" });
  const balance = field("Баланс");
  const client = field("Клиент");
  const fields = element("dl", { className: "fields" });
  const installed = element("input", { type: "checkbox" });
  installed.setAttribute("role", "switch");
  installed.addEventListener("change", () => {
    post(`/sandbox/cards/${encodeURIComponent(cardId)}/installed`, { installed: installed.checked });
  });

  balance.root.classList.add("balance");
  client.root.classList.add("client");
  const qr = element("img", {
    src: `/sandbox/cards/${encodeURIComponent(cardId)}/qr.svg`,
    alt: "QR-код ссылки на карту",
    width: 164,
    height: 164,
  });
  const link = element("a", { href: cardUrl, title: cardUrl }, qr);
  const face = element(
    "div",
    { className: "face" },
    element("header", {}, template, balance.root),
    client.root,
    fields,
    element("div", { className: "code" }, link, element("small", { textContent: cardId })),
  );
  face.style.setProperty("--hue", hue(templateId));
  const label = element("label", { className: "switch" }, "Установлена в телефон", installed);
  const root = element("article", { className: "pass" }, face, label);
  root.dataset.cardId = cardId;

  const others = keyedList(fields, ({ name }) => name, ({ name }) => {
    const view = field(LABELS[name] ?? name, "dt", "dd");
    view.root.title = `%${name}%`;
    return {
      root: view.root,
      update: ({ value }) => {
        view.set(value);
        view.root.classList.toggle("wide", value.length > HALF_WIDTH);
      },
    };
  });

  function update(card) {
    const first = (names) => card.variables.find(({ name }) => names.includes(name));
    const [money, person] = [first(BALANCE_NAMES), first(CLIENT_NAMES)];
    setText(template, templateNames.get(templateId) ?? templateId);
    for (const [view, variable] of [[balance, money], [client, person]]) {
      view.root.hidden = !variable;
      view.root.title = variable ? `%${variable.name}%` : "";
      view.set(variable?.value ?? "");
    }
    others(card.variables.filter((variable) => variable !== money && variable !== person));
    installed.checked = card.installed;
    root.classList.toggle("installed", card.installed);
  }

  return { root, update };
}

/** A label and a value that flashes when it changes. */
function field(label, labelTag = "div", valueTag = "div") {
  const value = element(valueTag, { className: "value" });
  const root = element("div", {}, element(labelTag, { className: "label", textContent: label }), value);
  let known = false;
  return {
    root,
    set(text) {
      setText(value, text, known);
      known = true;
    },
  };
}

function requestView({ number, method }) {
  const outcome = element("span");
  const sent = element("dl", { className: "sent" });
  const summary = element(
    "summary",
    {},
    element("span", { className: "quiet", textContent: `№ ${number}` }),
    element("span", { className: "method", textContent: method, title: method }),
    outcome,
  );
  const root = element("details", {}, summary, sent);

  let shown = "";
  function update(request) {
    const news = JSON.stringify(request);
    if (news === shown) return;
    shown = news;
    const [text, good] = outcomeOf(request);
    outcome.textContent = text;
    outcome.className = `outcome ${good ? "good" : "bad"}`;
    const rows = [
      ["соединение", request.connection],
      ["HTTP", request.status ?? "—"],
      ["карта", request.cardId ?? "—"],
      ...[...request.form, ...request.headers].map(({ name, value }) => [name, value]),
    ];
    sent.replaceChildren(...rows.map(([name, value]) => row(name, value)));
  }

  return { root, update };
}

function row(name, value) {
  return element("div", {}, element("dt", { textContent: name }), element("dd", { textContent: value }));
}

function outcomeOf({ complete, status, code }) {
  if (!complete) return ["не дошёл целиком", false];
  if (status === null) return ["без ответа", false];
  if (code === null) return [`HTTP ${status}`, false];
  return [`код ${code}`, code === 200];
}

/** The name of the button that orders such a fault, or what it consists of. */
function faultText({ method, ...rest }) {
  const parts = canonical(rest);
  const button = FAULTS.find(([, fault]) => canonical(fault) === parts);
  const text = button ? button[0] : parts;
  return method ? `${method}: ${text}` : text;
}

function canonical(fault) {
  const given = Object.entries(fault).filter(([, value]) => value !== null && value?.length !== 0);
  return JSON.stringify(given.sort());
}

const showCards = keyedList($("wallet"), ({ cardId }) => cardId, cardView);
const showRequests = keyedList($("requests"), ({ number }) => number, requestView);

function show(state) {
  templateNames = new Map(state.templates.map(({ templateId, name }) => [templateId, name]));
  setText($("server-url"), state.serverUrl);
  setText($("snippet-url"), state.serverUrl);
  setText($("template-ids"), [...templateNames.keys()].join(", "));
  setText($("snippet-template"), state.templates[0]?.templateId ?? "");
  setText($("card-count"), state.found === state.total ? String(state.total) : `${state.found} из ${state.total}`);
  $("no-cards").hidden = state.total > 0;
  $("nothing-found").hidden = state.total === 0 || state.found > 0;
  showCards(state.cards);
  $("no-requests").hidden = state.requests.length > 0;
  showRequests(state.requests);
  $("pending").hidden = state.faults.length === 0;
  $("pending-faults").replaceChildren(...state.faults.map((fault) => element("li", { textContent: faultText(fault) })));
}

function notify(text) {
  $("notice").textContent = text;
  $("notice").hidden = false;
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => ($("notice").hidden = true), 6000);
}

async function send(path, options) {
  try {
    const response = await fetch(path, options);
    if (!response.ok) notify(`Песочница отказала: ${response.status} ${await response.text()}`);
  } catch {
    notify("Песочница не отвечает.");
  }
  await refresh();
}

function post(path, value) {
  return send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

let running = false;
let wanted = false;

/** Shows the state as it is now; calls that come meanwhile are answered by one more look. */
async function refresh() {
  wanted = true;
  if (running) return;
  running = true;
  while (wanted) {
    wanted = false;
    try {
      const search = new URLSearchParams({ search: $("search").value.trim() });
      show(await (await fetch(`/sandbox/overview?${search}`)).json());
    } catch {
      setLive(false);
    }
  }
  running = false;
}

function setLive(on) {
  $("live").className = `live ${on ? "on" : "off"}`;
  setText($("live"), on ? "на связи" : "песочница не отвечает");
}

function watch() {
  const events = new EventSource("/sandbox/events");
  events.addEventListener("open", () => {
    setLive(true);
    refresh();
  });
  events.addEventListener("message", refresh);
  events.addEventListener("error", () => setLive(false));
}

/** The link on a card leads here with the card's id. */
function searchLinkedCard() {
  if (location.hash.length > 1) $("search").value = decodeURIComponent(location.hash.slice(1));
}

for (const [text, fault] of FAULTS) {
  const button = element("button", { type: "button", textContent: text });
  button.addEventListener("click", () => {
    const method = $("fault-method").value;
    post("/sandbox/faults", method ? { ...fault, method } : fault);
  });
  $("fault-buttons").append(button);
}
$("clear-faults").addEventListener("click", () => send("/sandbox/faults", { method: "DELETE" }));
$("search").addEventListener("input", refresh);
addEventListener("hashchange", () => {
  searchLinkedCard();
  refresh();
});
searchLinkedCard();
refresh();
watch();
