// Shows the sandbox's cards and requests. Values from requests are only set as text or as a property, never parsed as
// HTML, because anybody who can reach the sandbox may send them.

const $ = (id) => document.getElementById(id);

const LABELS = {
  PHONE: "Телефон",
  EMAIL: "Почта",
  BIRTHDAY: "День рождения",
  DISCOUNT: "Скидка",
  NUMBERCARD: "Номер карты",
};
/** A longer value, in characters, gets a whole line of a card. */
const HALF_WIDTH = 15;
const BALANCE_NAMES = ["BONUS", "BALANCE"];
const CLIENT_NAMES = ["CLIENT_NAME", "NAME", "FIO"];

const FAULTS = [
  [
    "Лимит запросов: 429, повтор через 5 с",
    { status: 429, message: "Too many requests", headers: [["Retry-After", "5"]] },
  ],
  [
    "Страница HTML вместо ответа: 502",
    { status: 502, body: "<h1>502 Bad Gateway</h1>", headers: [["Content-Type", "text/html"]] },
  ],
  [
    "Чужой адрес: перенаправление 302",
    { status: 302, body: "", headers: [["Location", "https://other.invalid/"]] },
  ],
  ["Ответ через 15 секунд", { delayMs: 15000 }],
  ["Выполнение через 15 секунд", { lateMs: 15000 }],
  ["Обрыв до выполнения", { drop: "beforeAnswer" }],
  ["Обрыв, выполнение через 5 секунд", { lateMs: 5000, drop: "beforeProcessing" }],
  ["Обрыв после выполнения, без ответа", { drop: "afterProcessing" }],
  ["Обрыв посреди ответа", { drop: { afterBytes: 20 } }],
];

/** What a known error means, by its code. */
const KNOWN_ERRORS = {
  400: "Неверный запрос",
  401: "Токен не принят",
  403: "Нет доступа",
  404: "Карта не найдена",
  409: "Телефон уже занят",
  500: "Внутренняя ошибка",
  502: "Ошибка шлюза",
  503: "Сервер занят",
  504: "Шлюз не дождался",
};

const SHAPES = [
  ["обычный", ""],
  ["список прямо в result, _id, values", "list=result,card=result,id=_id,variables=values"],
  [
    "другие имена",
    "list=items,card=item,templates=items,id=id,page=currentPage,limit=perPage,total=count,pages=pageCount," +
      "previous=prev,next=next_page",
  ],
  ["без номеров страниц", "page=,limit=,total=,pages=,previous=,next="],
];

/** A new element with these properties and children. */
function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Sets a text; with `flash`, a change is made visible by a short flash. */
function setText(target, text, flash = false) {
  if (target.textContent === text) return;
  target.textContent = text;
  if (flash) target.animate([{ backgroundColor: "rgb(255 255 255 / 75%)" }, { backgroundColor: "transparent" }], 1400);
}

/**
 * Returns a function that updates the children of `parent` to a list of items. Elements are kept by key, so that focus and
 * animations survive. `make(item)` returns a view: `root`, its element, and `update(item)`.
 */
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
    loading: "lazy",
    width: 164,
    height: 164,
  });
  const link = element("a", { href: cardUrl, title: cardUrl }, qr);
  const front = element(
    "div",
    { className: "front" },
    element("header", {}, template, balance.root),
    client.root,
    fields,
    element("div", { className: "code" }, link, element("small", { textContent: cardId })),
  );
  front.style.setProperty("--hue", hue(templateId));
  const label = element("label", { className: "switch" }, "Установлена в телефон", installed);
  const root = element("article", { className: "pass" }, front, label);
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
    const [balanceVariable, clientVariable] = [first(BALANCE_NAMES), first(CLIENT_NAMES)];
    setText(template, templateNames.get(templateId) ?? templateId);
    for (const [view, variable] of [[balance, balanceVariable], [client, clientVariable]]) {
      view.root.hidden = !variable;
      view.root.title = variable ? `%${variable.name}%` : "";
      view.set(variable?.value ?? "");
    }
    others(card.variables.filter((variable) => variable !== balanceVariable && variable !== clientVariable));
    // Many cards have the same controls, so each tells whose card it is.
    const owner = clientVariable?.value || card.variables.find(({ name }) => name === "PHONE")?.value || cardId;
    installed.setAttribute("aria-label", `Установлена в телефон: ${owner}`);
    qr.alt = `QR-код ссылки на карту: ${owner}`;
    installed.checked = card.installed;
    root.classList.toggle("installed", card.installed);
  }

  return { root, update };
}

/** A label and a value that flashes when it changes. */
function field(label, labelTag = "div", valueTag = "div") {
  const value = element(valueTag, { className: "value" });
  const root = element("div", {}, element(labelTag, { className: "label", textContent: label }), value);
  let hasText = false;
  return {
    root,
    set(text) {
      setText(value, text, hasText);
      hasText = true;
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
    const json = JSON.stringify(request);
    if (json === shown) return;
    shown = json;
    const [text, good] = outcomeOf(request);
    outcome.textContent = text;
    outcome.className = `outcome ${good ? "good" : "bad"}`;
    const rows = [
      ["соединение", request.connection],
      ["HTTP", request.status ?? "—"],
      ["message", request.message ?? "—"],
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

/** The text of the button for this fault, or its JSON if there is no such button. */
function faultText({ method, ...rest }) {
  const parts = canonical(rest);
  const button = [...FAULTS, ...knownErrors].find(([, fault]) => canonical(fault) === parts);
  const text = button ? button[0] : parts;
  return method ? `${method}: ${text}` : text;
}

/** Known errors as buttons: text and fault. Filled when the sandbox has been asked for them. */
let knownErrors = [];

function canonical(fault) {
  const given = Object.entries(fault).filter(([, value]) => value !== null && value?.length !== 0);
  return JSON.stringify(given.sort());
}

const showCards = keyedList($("wallet"), ({ cardId }) => cardId, cardView);
const showRequests = keyedList($("requests"), ({ number }) => number, requestView);

function show(state) {
  templateNames = new Map(state.templates.map(({ templateId, name }) => [templateId, name]));
  setText($("server-url"), state.serverUrl);
  showSnippets(state);
  setText($("template-ids"), [...templateNames.keys()].join(", "));
  setText($("card-count"), state.found === state.total ? String(state.total) : `${state.found} из ${state.total}`);
  $("no-cards").hidden = state.total > 0;
  $("nothing-found").hidden = state.total === 0 || state.found > 0;
  showCards(state.cards);
  showPages(state);
  $("no-requests").hidden = state.requests.length > 0;
  showRequests(state.requests);
  $("pending").hidden = state.faults.length === 0;
  $("pending-faults").replaceChildren(...state.faults.map((fault) => element("li", { textContent: faultText(fault) })));
  $("late").hidden = state.lateRequests === 0;
  setText($("late-count"), String(state.lateRequests));
  showService(state);
}

/** The code of the empty page. A token that somebody chose is never sent to the page, so a word stands for it. */
function showSnippets({ serverUrl, templates, publicToken }) {
  const setAll = (name, text) => document.querySelectorAll(`.${name}`).forEach((place) => setText(place, text));
  setAll("snippet-url", serverUrl);
  setAll("snippet-template", templates[0]?.templateId ?? "");
  setAll("snippet-token", publicToken ?? "ТОКЕН");
  $("own-token").hidden = publicToken !== null;
}

let shownPage = 1;
let lastPage = 1;

function showPages({ page, pages }) {
  [shownPage, lastPage] = [page, pages];
  $("pages").hidden = pages === 1;
  setText($("page-count"), String(pages));
  $("page-number").max = pages;
  if (document.activeElement !== $("page-number")) $("page-number").value = page;
  $("newer").disabled = page === 1;
  $("older").disabled = page === pages;
}

function goToPage(page) {
  shownPage = Math.min(Math.max(Math.trunc(page) || 1, 1), lastPage);
  $("page-number").value = shownPage;
  refresh();
}

let shownSettings = "";

/** Fills in limits and shape, but only when they have changed: somebody may be typing. */
function showService({ limits, used, shape }) {
  const [minute, hour, day] = used;
  setText($("limits-used"), `${minute} за минуту, ${hour} за час, ${day} за день`);
  const settings = JSON.stringify([limits, shape]);
  if (settings === shownSettings) return;
  shownSettings = settings;
  for (const [period, limit] of Object.entries(limits)) $(`limit-${period}`).value = limit ?? "";
  $("shape").value = shape;
}

function notify(text) {
  $("notice").textContent = text;
  $("notice").hidden = false;
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => ($("notice").hidden = true), 6000);
}

/** Sends a request and shows its effect. True if it succeeded. */
async function send(path, options) {
  let succeeded = false;
  try {
    const response = await fetch(path, options);
    succeeded = response.ok;
    if (!succeeded) notify(`Песочница отказала: ${response.status} ${await response.text()}`);
  } catch {
    notify("Песочница не отвечает.");
  }
  await refresh();
  return succeeded;
}

function post(path, value) {
  return send(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
}

/** Rest between two refreshes, in terms of the time that the last one took: it leaves the sandbox to its clients. */
const REST = 2;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let refreshing = false;
let refreshAgain = false;

/** Fetches and shows the state. Calls during a running one lead to one more fetch after it. */
async function refresh() {
  refreshAgain = true;
  if (refreshing) return;
  refreshing = true;
  while (refreshAgain) {
    refreshAgain = false;
    const start = performance.now();
    try {
      const page = shownPage;
      const choice = new URLSearchParams({ search: $("search").value.trim(), page });
      const state = await (await fetch(`/sandbox/overview?${choice}`)).json();
      // The answer must not take back a page that has been chosen since.
      if (page === shownPage) show(state);
    } catch {
      setLive(false);
    }
    if (refreshAgain) await pause(REST * (performance.now() - start));
  }
  refreshing = false;
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

/** Searches for the card whose link was opened: its id is in the page's hash. */
function searchLinkedCard() {
  const id = location.hash.slice(1);
  if (/^[0-9a-f]{24}$/i.test(id)) $("search").value = id;
}

function addFaultButtons(parent, faults) {
  for (const [text, fault] of faults) {
    const button = element("button", { type: "button", textContent: text });
    button.addEventListener("click", () => {
      const method = $("fault-method").value;
      post("/sandbox/faults", method ? { ...fault, method } : fault);
    });
    parent.append(button);
  }
}

async function addKnownErrors() {
  const errors = await (await fetch("/sandbox/known-errors")).json();
  knownErrors = errors.map((fault) => [`${KNOWN_ERRORS[fault.code] ?? fault.message}: ${fault.code}`, fault]);
  addFaultButtons($("known-error-buttons"), knownErrors);
}

/** Changes the shape and then shows it in full, however it was typed. */
async function setShape(shape) {
  if (!(await post("/sandbox/shape", { shape }))) return;
  shownSettings = "";
  await refresh();
}

/** The number in a field; null if it is empty. */
const numberIn = (id) => ($(id).value === "" ? null : Number($(id).value));

function onSubmit(id, action) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

addFaultButtons($("fault-buttons"), FAULTS);
SHAPES.forEach(([text], place) => $("shape-preset").append(element("option", { textContent: text, value: place })));
$("shape-preset").addEventListener("change", () => {
  const preset = SHAPES[$("shape-preset").value];
  if (preset) setShape(preset[1]);
  $("shape-preset").value = "";
});
onSubmit("shape-form", () => setShape($("shape").value));
onSubmit("limits-form", () => {
  const [minute, hour, day] = ["limit-minute", "limit-hour", "limit-day"].map(numberIn);
  post("/sandbox/limits", { minute, hour, day });
});
onSubmit("sample-form", () => post("/sandbox/sample-cards", { count: numberIn("sample-count") }));
$("carry-out-late").addEventListener("click", () => post("/sandbox/late-requests", {}));
$("newer").addEventListener("click", () => goToPage(shownPage - 1));
$("older").addEventListener("click", () => goToPage(shownPage + 1));
$("page-number").addEventListener("change", () => goToPage(Number($("page-number").value)));
$("clear-faults").addEventListener("click", () => send("/sandbox/faults", { method: "DELETE" }));
$("search").addEventListener("input", () => goToPage(1));
addEventListener("hashchange", () => {
  searchLinkedCard();
  goToPage(1);
});
searchLinkedCard();
addKnownErrors().catch(() => setLive(false)).then(refresh);
watch();
