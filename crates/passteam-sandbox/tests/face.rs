//! The page, first as a client sees it and then as a person in a browser does.

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use browser::Page;
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Fault, Options, Template};
use serde_json::{Value, json};
use support::{Client, TOKEN, plain, start};

fn overview(client: &Client, search: &str) -> Value {
    client.raw(&format!("/sandbox/overview?search={search}"), &[], None).json()
}

#[test]
fn the_page_and_its_files_are_served_and_nothing_foreign_can_run_on_it() {
    let (sandbox, client) = plain();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/sandbox/face/face.css", "text/css; charset=utf-8"),
        ("/sandbox/face/face.js", "text/javascript; charset=utf-8"),
        ("/sandbox/face/icon.svg", "image/svg+xml"),
    ] {
        let reply = client.raw(path, &[], None);
        assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, content_type), "{path}");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(client.raw(path, &[("Host", "evil.example")], None).status, 403, "{path}");
    }
    for absent in ["/favicon.ico", "/.well-known/x", "/card/1/x", "/sandbox/face/other", "/sandbox/cards/1/qr.svg"] {
        assert_eq!(client.raw(absent, &[], None).status, 404, "{absent}");
    }
    assert!(sandbox.requests().is_empty(), "none of them is the service's");
}

#[test]
fn an_overview_shows_the_newest_first_and_cuts_long_values() {
    let (sandbox, client) = plain();
    let first = client.create("1");
    let second = client.create("2");
    client.call("updatecard", &[("cardId", &first), ("values[%NOTE%]", &"ж".repeat(10_000))]);
    sandbox.push_fault(Fault::of("updatecard").status(503));
    let shown = overview(&client, "");
    assert_eq!(shown["serverUrl"], sandbox.url());
    assert_eq!(shown["templates"][0]["templateId"], DEFAULT_TEMPLATE_ID);
    assert_eq!((&shown["cards"][0]["cardId"], &shown["cards"][1]["cardId"]), (&json!(second), &json!(first)));
    assert_eq!(shown["cards"][1]["variables"][1]["value"], "ж".repeat(300) + "…");
    assert_eq!(shown["requests"].as_array().unwrap().len(), 3);
    assert_eq!((&shown["requests"][0]["number"], &shown["requests"][2]["number"]), (&json!(3), &json!(1)));
    assert_eq!(shown["requests"][0]["form"][1]["value"], "ж".repeat(300) + "…");
    assert_eq!(shown["faults"][0]["status"], 503);
    assert!(!shown.to_string().contains(TOKEN));
}

#[test]
fn an_overview_of_many_cards_is_short_and_the_others_are_found() {
    let (_sandbox, client) = plain();
    let ids: Vec<String> = (0..100).map(|number| client.create(&format!("Телефон-{number:03}"))).collect();
    let all = overview(&client, "");
    assert_eq!((&all["total"], &all["found"]), (&json!(100), &json!(100)));
    assert_eq!(all["cards"].as_array().unwrap().len(), 60);
    for search in ["ТЕЛЕФОН-003".to_owned(), ids[3].to_uppercase()] {
        let found = overview(&client, &search);
        assert_eq!((&found["total"], &found["found"]), (&json!(100), &json!(1)), "{search}");
        assert_eq!(found["cards"][0]["cardId"], ids[3]);
    }
    assert_eq!(overview(&client, "nothing")["cards"], json!([]));
}

#[test]
fn a_change_is_told_at_once_to_whoever_listens() {
    let sandbox = start(Options { keep_requests: 0, ..Options::default() });
    let client = Client::new(&sandbox);
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    write!(stream, "GET /sandbox/events HTTP/1.1\r\nHost: {}\r\n\r\n", sandbox.addr()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let mut next = |wanted: &str| assert!(lines.any(|line| line == wanted), "{wanted}");
    next("content-type: text/event-stream");
    next("");
    let id = client.create("7");
    next("data: changed");
    sandbox.set_installed(&id, true);
    next("data: changed");
    sandbox.push_fault(Fault::default().status(500));
    next("data: changed");
    sandbox.clear_faults();
    next("data: changed");
}

#[test]
fn a_cards_link_leads_to_the_card_on_the_page() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let url = &sandbox.cards()[0].url;
    let reply = client.raw(&url[sandbox.page_url().len() - 1..], &[], None);
    assert_eq!((reply.status, reply.headers["location"].to_str().unwrap()), (303, format!("/#{id}").as_str()));
}

/// Opens a page of a sandbox; one browser at a time, because the machine may be small.
fn in_browser(url: &str, scenario: impl FnOnce(&mut Page)) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut page) = Page::open(url) else { return };
    page.wait_for("document.querySelector('#live').classList.contains('on')");
    scenario(&mut page);
}

fn create_named(client: &Client, name: &str, phone: &str) -> String {
    let form = [
        ("templateId", DEFAULT_TEMPLATE_ID),
        ("values[%CLIENT_NAME%]", name),
        ("values[%PHONE%]", phone),
        ("values[%BONUS%]", "0"),
    ];
    client.call("createcard", &form).card_id()
}

/// A JavaScript expression for the element of a card.
fn card(id: &str, selector: &str) -> String {
    format!("document.querySelector('[data-card-id=\"{id}\"] {selector}')")
}

#[test]
fn cards_appear_and_change_while_one_looks() {
    let (sandbox, client) = plain();
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("!document.querySelector('#no-cards').hidden");
        assert!(page.text("#no-cards").contains(&sandbox.url()), "says what to set");
        let first = create_named(&client, "Анна Иванова", "79161234567");
        page.wait_for("document.querySelectorAll('.pass').length === 1");
        assert!(!page.text("main").contains("Карт пока нет"));
        let shown = page.text(".pass");
        for text in ["Анна Иванова", "79161234567", "Карта лояльности", &first] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        page.eval("document.querySelector('.pass').mark = 'kept'");
        client.call("updatecard", &[("cardId", &first), ("values[%BONUS%]", "12500.50"), ("values[%НОВАЯ%]", "да")]);
        page.wait_for(&format!("{}.innerText === '12500.50'", card(&first, ".balance .value")));
        page.wait_for(&format!("{}.innerText.includes('НОВАЯ')", card(&first, ".fields")));
        create_named(&client, "Борис", "2");
        page.wait_for("document.querySelectorAll('.pass').length === 2");
        assert!(page.text(".pass").contains("Борис"), "the newest comes first");
        assert_eq!(page.eval(&format!("{}.mark", card(&first, ""))), "kept", "not made anew");
        assert_eq!(page.text("#card-count"), "2");
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn the_switch_makes_the_next_update_see_the_card_installed() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    in_browser(&sandbox.page_url(), |page| {
        let switch = card(&id, "[role=switch]");
        page.wait_for(&switch);
        assert_eq!(page.eval(&format!("{switch}.checked")), false);
        page.click(&switch);
        support::wait_until("the switch", || sandbox.card(&id).unwrap().installed);
        let update = client.call("updatecard", &[("cardId", &id)]).json();
        assert_eq!(update["result"]["card"]["installed"], true);
        page.wait_for(&format!("{switch}.checked && document.querySelector('.pass.installed')"));
        sandbox.set_installed(&id, false);
        page.wait_for(&format!("!{switch}.checked && !document.querySelector('.pass.installed')"));
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn markup_in_what_was_sent_is_shown_and_does_nothing() {
    const MARKUP: &str = r#"<script>window.harmed=1</script><img src=x onerror="window.harmed=1">'"&amp;"#;
    let templates = vec![Template { id: MARKUP.into(), name: MARKUP.into() }];
    let sandbox = start(Options { templates, ..Options::default() });
    let client = Client::new(&sandbox);
    let variable = format!("values[%{MARKUP}%]");
    let form = [
        ("templateId", MARKUP),
        ("values[%CLIENT_NAME%]", MARKUP),
        ("values[%BONUS%]", MARKUP),
        ("values[%PHONE%]", MARKUP),
        (&variable, MARKUP),
    ];
    assert_eq!(client.call("createcard", &form).code(), 200);
    client.raw("/oapi/v1/'onmouseover=window.harmed=1", &[("X-Markup", MARKUP)], Some(""));
    sandbox.push_fault(Fault::of(MARKUP).message(MARKUP));
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("document.querySelector('.pass')");
        page.eval("document.querySelectorAll('details').forEach(it => it.open = true)");
        for place in
            [".template", ".client .value", ".balance .value", ".fields", "#pending", "#requests", "#template-ids"]
        {
            let shown = page.eval(&format!("document.querySelector('{place}').textContent"));
            assert!(
                shown.as_str().unwrap().contains("<script>window.harmed=1</script><img src=x onerror="),
                "{place}: {shown}"
            );
        }
        assert_eq!(page.eval("document.querySelectorAll('script').length"), 1, "the page's own");
        assert_eq!(page.eval("document.querySelectorAll('.pass img').length"), 1, "the QR code");
        assert_eq!(page.problems(), Vec::<String>::new());

        page.eval("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.harmed=1\">')");
        page.eval(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.harmed=1'}))",
        );
        page.wait_for("document.querySelector('body > img').complete");
        assert_eq!(page.eval("typeof window.harmed"), "undefined");
        let refused = page.problems().join("\n");
        assert!(refused.contains("Content Security Policy"), "a second wall stands behind the first: {refused}");
    });
}

#[test]
fn a_button_orders_a_fault_for_the_chosen_method() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let button =
        |text: &str| format!("[...document.querySelectorAll('button')].find(it => it.innerText.includes('{text}'))");
    in_browser(&sandbox.page_url(), |page| {
        page.eval("document.querySelector('#fault-method').value = 'updatecard'");
        page.click(&button("429"));
        page.wait_for("document.querySelector('#pending-faults')?.innerText.includes('updatecard: Лимит запросов')");
        assert_eq!(client.call("gettemplates", &[]).code(), 200);
        let limited = client.call("updatecard", &[("cardId", &id)]);
        assert_eq!((limited.status, limited.code(), limited.headers["retry-after"].to_str().unwrap()), (429, 429, "5"));
        page.wait_for("document.querySelector('#pending').hidden");
        page.wait_for("document.querySelector('#requests .outcome').innerText === 'код 429'");

        page.eval("document.querySelector('#fault-method').value = ''");
        page.eval("[...document.querySelectorAll('#fault-buttons button')].forEach(it => it.click())");
        let all = page.eval("document.querySelectorAll('#fault-buttons button').length");
        page.wait_for(&format!("document.querySelectorAll('#pending-faults li').length === {all}"));
        assert!(!page.text("#pending-faults").contains('{'), "each is shown by its name");
        page.click("document.querySelector('#clear-faults')");
        page.wait_for("document.querySelector('#pending').hidden");
        assert_eq!(sandbox.pending_faults(), []);
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn the_log_shows_requests_without_the_token() {
    let (sandbox, client) = plain();
    in_browser(&sandbox.page_url(), |page| {
        let id = create_named(&client, "Анна", "79161234567");
        client.call("updatecard", &[("cardId", "none")]);
        page.wait_for("document.querySelectorAll('#requests details').length === 2");
        page.wait_for("document.querySelector('#requests .outcome').innerText === 'код 404'");
        page.click("document.querySelector('#requests details:last-child summary')");
        let shown = page.text("#requests details:last-child");
        for text in ["createcard", "код 200", &id, "values[%PHONE%]", "79161234567", "authorization", "***"] {
            assert!(shown.contains(text), "{text} in {shown}");
        }
        assert!(!page.eval("document.documentElement.outerHTML").to_string().contains(TOKEN));
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn the_qr_code_holds_the_cards_link() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    in_browser(&sandbox.page_url(), |page| {
        let image = card(&id, ".code img");
        page.wait_for(&format!("{image}?.complete && {image}.naturalWidth > 0"));
        assert_eq!(read_qr_code(&page.picture_of(&image, 3.0)), sandbox.cards()[0].url);
        assert_eq!(page.eval(&format!("{image}.parentElement.href")), sandbox.cards()[0].url);
    });
}

fn read_qr_code(png: &[u8]) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (info.width as usize, info.height as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        pixels[y * info.line_size + x * info.color_type.samples()]
    });
    let codes = image.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().unwrap().1
}

#[test]
fn a_card_is_found_by_what_it_holds_and_by_its_link() {
    let (sandbox, client) = plain();
    let anna = create_named(&client, "Анна", "1");
    create_named(&client, "Борис", "2");
    let link = sandbox.card(&anna).unwrap().url;
    in_browser(&link, |page| {
        page.wait_for("document.querySelector('#card-count').innerText === '1 из 2'");
        assert!(page.text(".pass").contains("Анна"));
        page.eval("document.querySelector('#search').select(); document.querySelector('#search').focus()");
        page.type_text("борис");
        page.wait_for("document.querySelector('.pass .client').innerText.includes('Борис')");
        page.type_text("никто");
        page.wait_for("!document.querySelector('#nothing-found').hidden");
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn a_page_whose_sandbox_has_ended_says_so_and_finds_the_next_one() {
    let (sandbox, _) = plain();
    let listen = sandbox.addr();
    let mut sandbox = Some(sandbox);
    in_browser(&sandbox.as_ref().unwrap().page_url(), |page| {
        sandbox = None;
        page.wait_for("document.querySelector('#live').innerText === 'песочница не отвечает'");
        let second = start(Options { listen, ..Options::default() });
        Client::new(&second).create("7");
        page.wait_for("document.querySelector('#live').innerText === 'на связи' && document.querySelector('.pass')");
    });
}

#[test]
#[ignore = "writes the picture that the README shows; make it smaller with pngquant"]
fn the_page_has_its_picture_taken() {
    let (sandbox, client) = plain();
    in_browser(&sandbox.page_url(), |page| {
        let create = |name, phone, birthday, email| {
            let form = [
                ("templateId", DEFAULT_TEMPLATE_ID),
                ("values[%CLIENT_NAME%]", name),
                ("values[%BIRTHDAY%]", birthday),
                ("values[%PHONE%]", phone),
                ("values[%EMAIL%]", email),
                ("values[%BONUS%]", "0"),
            ];
            client.call("createcard", &form)
        };
        let update = |id: &str, bonus| client.call("updatecard", &[("cardId", id), ("values[%BONUS%]", bonus)]);
        let pavel = create("Павел «+100%» Чай & Кофе ☕", "79031112233", "", "pavel@example.com").card_id();
        let maria = create("Мария Петрова", "79265550199", "14.02.1990", "maria@example.com").card_id();
        let anna = create("Анна Иванова", "79161234567", "31.12.1985", "anna@example.com").card_id();
        create("Анна Иванова", "79161234567", "", "");
        update(&anna, "12500.50");
        update(&maria, "340");
        sandbox.set_installed(&anna, true);
        sandbox.set_installed(&maria, true);
        sandbox.push_fault(Fault::of("updatecard").status(503).message("Service unavailable"));
        update(&pavel, "75");
        update(&pavel, "75");
        sandbox.push_fault(Fault::of("updatecard").delay(std::time::Duration::from_secs(15)));
        page.wait_for("document.querySelectorAll('#requests details').length === 8");
        page.wait_for("[...document.images].every(it => it.complete)");
        page.wait_for("document.getAnimations().length === 0");
        let png = page.picture_of("document.documentElement", 1.0);
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sandbox.png");
        std::fs::write(path, png).unwrap();
    });
}
