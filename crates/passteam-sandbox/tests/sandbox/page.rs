//! The page: its files and data over HTTP, and the page itself in a browser.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Drop, Fault, Limits, Options, Sandbox, Template};
use serde_json::{Value, json};

use crate::browser::{self, Page};
use crate::support::{self, Client, TOKEN, plain, start};

fn overview(client: &Client, search: &str) -> Value {
    client.raw(&format!("/sandbox/overview?search={search}"), &[], None).json()
}

#[test]
fn the_page_and_its_files_are_served_and_nothing_foreign_can_run_on_it() {
    let (sandbox, client) = plain();
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/sandbox/page/page.css", "text/css; charset=utf-8"),
        ("/sandbox/page/page.js", "text/javascript; charset=utf-8"),
        ("/sandbox/page/icon.svg", "image/svg+xml"),
    ] {
        let reply = client.raw(path, &[], None);
        assert_eq!((reply.status, reply.headers["content-type"].to_str().unwrap()), (200, content_type), "{path}");
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(client.raw(path, &[("Host", "evil.example")], None).status, 403, "{path}");
    }
    for absent in ["/favicon.ico", "/.well-known/x", "/card/1/x", "/sandbox/page/other", "/sandbox/cards/1/qr.svg"] {
        assert_eq!(client.raw(absent, &[], None).status, 404, "{absent}");
    }
    assert!(sandbox.requests().is_empty(), "none of them is the service's");
}

#[test]
fn an_overview_shows_the_newest_first_and_truncates_long_values() {
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
fn an_overview_of_many_cards_is_limited_and_a_search_finds_the_others() {
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
fn an_event_follows_each_change() {
    let sandbox = start(Options { keep_requests: 0, ..Options::default() });
    let client = Client::new(&sandbox);
    let mut stream = TcpStream::connect(sandbox.addr()).unwrap();
    write!(stream, "GET /sandbox/events HTTP/1.1\r\nHost: {}\r\n\r\n", sandbox.addr()).unwrap();
    let mut lines = BufReader::new(stream).lines().map(|line| line.unwrap());
    let mut wait_for_line = |wanted: &str| assert!(lines.any(|line| line == wanted), "{wanted}");
    wait_for_line("content-type: text/event-stream");
    wait_for_line("");
    let id = client.create("7");
    wait_for_line("data: changed");
    sandbox.set_installed(&id, true);
    wait_for_line("data: changed");
    sandbox.push_fault(Fault::default().status(500));
    wait_for_line("data: changed");
    sandbox.clear_faults();
    wait_for_line("data: changed");
}

#[test]
fn a_cards_link_leads_to_the_card_on_the_page() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let url = &sandbox.cards()[0].url;
    let reply = client.raw(&url[sandbox.page_url().len() - 1..], &[], None);
    assert_eq!((reply.status, reply.headers["location"].to_str().unwrap()), (303, format!("/#{id}").as_str()));
}

/// Opens a sandbox's page and runs a scenario on it; one browser at a time, because each needs much memory.
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
fn cards_appear_and_change_without_a_reload() {
    let (sandbox, client) = plain();
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("!document.querySelector('#no-cards').hidden");
        assert!(page.text("#no-cards").contains(&sandbox.url()), "the address to set");
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
        assert_eq!(page.eval(&format!("{}.mark", card(&first, ""))), "kept", "the element is kept");
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
        assert!(
            refused.contains("Content Security Policy"),
            "the policy refuses even markup that was inserted: {refused}"
        );
    });
}

#[test]
fn a_button_adds_a_fault_for_the_chosen_method() {
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
        assert!(!page.text("#pending-faults").contains('{'), "each is shown by the text of its button");
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
fn the_qr_code_contains_the_cards_link() {
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
fn a_card_is_found_by_its_values_and_by_its_link() {
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
fn a_page_reports_a_lost_sandbox_and_reconnects_to_the_next_one() {
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
#[ignore = "writes the screenshot of the README; compress it with pngquant afterwards"]
fn write_the_screenshot() {
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

#[test]
fn an_overview_has_pages_that_a_search_narrows() {
    let sandbox = start(Options { cards: 130, ..Options::default() });
    let client = Client::new(&sandbox);
    let ask = |query: &str| client.raw(&format!("/sandbox/overview?{query}"), &[], None).json();
    let phones = |overview: &Value| -> Vec<String> {
        let cards = overview["cards"].as_array().unwrap().iter();
        cards.map(|card| card["variables"][1]["value"].as_str().unwrap().to_owned()).collect()
    };
    let expected = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.rev().map(|number| format!("79{number:09}")).collect()
    };
    for (query, page, numbers) in
        [("", 1, 70..130), ("page=2", 2, 10..70), ("page=3", 3, 0..10), ("page=9", 3, 0..10), ("page=0", 1, 70..130)]
    {
        let overview = ask(query);
        assert_eq!((&overview["page"], &overview["pages"]), (&json!(page), &json!(3)), "{query}");
        assert_eq!(phones(&overview), expected(numbers), "{query}");
    }
    let found = ask("page=2&search=Анна");
    assert_eq!(json!([found["found"], found["page"], found["pages"], found["total"]]), json!([17, 1, 1, 130]));
}

#[test]
fn a_phone_is_found_in_any_spelling() {
    let (_sandbox, client) = plain();
    let id = client.create("+7 (916) 123-45-67");
    client.create("79160000000");
    for search in ["79161234567", "8 916 123-45-67", "%2B7(916)1234567", "123-45-67"] {
        let found = overview(&client, &search.replace(' ', "%20"));
        assert_eq!((&found["found"], &found["cards"][0]["cardId"]), (&json!(1), &json!(id)), "{search}");
    }
}

#[test]
fn only_the_public_default_token_is_sent_to_the_page() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    assert_eq!(overview(&Client::new(&sandbox), "")["publicToken"], json!(DEFAULT_TOKEN));
    let (_sandbox, client) = plain();
    assert_eq!(overview(&client, "")["publicToken"], json!(null));
}

#[test]
fn a_hundred_thousand_cards_can_be_paged_through_and_searched() {
    let sandbox = start(Options { cards: 100_000, ..Options::default() });
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("document.querySelectorAll('.pass').length === 60");
        assert_eq!((page.text("#card-count"), page.text("#page-count")), ("100000".into(), "1667".into()));
        assert_eq!(page.eval("document.querySelector('#newer').disabled"), true);
        page.click("document.querySelector('#older')");
        page.wait_for("document.querySelector('.pass').innerText.includes('79000099939')");
        page.eval("document.querySelector('#page-number').select(); document.querySelector('#page-number').focus()");
        page.type_text("1667");
        page.press_enter();
        page.wait_for("document.querySelectorAll('.pass').length === 40");
        assert!(page.text(".pass:last-child").contains("79000000000"), "the oldest card");
        assert_eq!(page.eval("document.querySelector('#older').disabled"), true);
        page.eval("document.querySelector('#search').focus()");
        page.type_text("8 (900) 001-23-45");
        page.wait_for("document.querySelectorAll('.pass').length === 1");
        assert!(page.text(".pass").contains("79000012345"));
        assert_eq!(page.text("#card-count"), "1 из 100000");
        assert_eq!(page.eval("document.querySelector('#pages').hidden"), true);
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn the_page_stays_on_its_page_while_cards_change() {
    let sandbox = start(Options { cards: 130, ..Options::default() });
    let client = Client::new(&sandbox);
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("document.querySelectorAll('.pass').length === 60");
        page.click("document.querySelector('#older')");
        page.wait_for("document.querySelector('.pass').innerText.includes('79000000069')");
        let id = sandbox.cards()[69].id.clone();
        client.call("updatecard", &[("cardId", &id), ("values[%BONUS%]", "777")]);
        page.wait_for("document.querySelector('.pass .balance .value').innerText === '777'");
        assert_eq!(page.eval("document.querySelector('#page-number').value"), "2");
    });
}

/// Sends a form with this value. In one go: cards that are still being drawn move its button, and settings that have just been
/// changed elsewhere are filled into it.
fn submit(page: &mut Page, form: &str, field: &str, value: &str) {
    page.eval(&format!(
        "document.querySelector('{field}').value = '{value}'; document.querySelector('{form} button').click()"
    ));
}

#[test]
fn limits_shape_and_sample_cards_are_changed_on_the_page() {
    let (sandbox, client) = plain();
    in_browser(&sandbox.page_url(), |page| {
        submit(page, "#sample-form", "#sample-count", "70");
        page.wait_for("document.querySelectorAll('.pass').length === 60");
        assert_eq!(sandbox.cards().len(), 70);

        submit(page, "#shape-form", "#shape", "list=items,id=_id");
        page.wait_for("document.querySelector('#shape').value.startsWith('list=items,card=card,')");
        assert_eq!(Ok(sandbox.shape()), "list=items,id=_id".parse());
        submit(page, "#shape-form", "#shape", "id=colour");
        page.wait_for("document.querySelector('#notice').innerText.includes('id=colour')");
        assert_eq!(Ok(sandbox.shape()), "list=items,id=_id".parse());
        for preset in ["0", "1", "2", "3"] {
            let before = sandbox.shape();
            page.eval(&format!(
                "(() => {{ const it = document.querySelector('#shape-preset'); it.value = '{preset}'; \
                 it.dispatchEvent(new Event('change')) }})()"
            ));
            support::wait_until("the shape", || sandbox.shape() != before);
        }

        submit(page, "#limits-form", "#limit-hour", "1");
        support::wait_until("the limit", || Ok(sandbox.limits()) == "hour=1".parse());
        assert_eq!([client.call("getcards", &[]).code(), client.call("getcards", &[]).code()], [200, 429]);
        page.wait_for("document.querySelector('#limits-used').innerText.includes('1 за час')");
        submit(page, "#limits-form", "#limit-hour", "");
        support::wait_until("no limit", || sandbox.limits() == Limits::default());
        let refused = page.problems();
        assert!(refused.iter().all(|problem| problem.contains("/sandbox/shape")), "{refused:?}");
    });
}

#[test]
fn known_errors_and_late_requests_are_controlled_on_the_page() {
    let (sandbox, client) = plain();
    let form = [("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7")];
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("document.querySelectorAll('#known-error-buttons button').length === 9");
        page.click("document.querySelectorAll('#known-error-buttons button')[2]");
        page.wait_for("document.querySelector('#pending-faults').innerText === 'Нет доступа: 403'");
        assert_eq!(client.call("createcard", &form).code(), 403);
        page.wait_for("document.querySelector('#requests .outcome')?.innerText === 'код 403'");
        page.click("document.querySelector('#requests summary')");
        page.wait_for("document.querySelector('#requests details').innerText.includes('Forbidden.')");

        let hour = std::time::Duration::from_secs(3600);
        sandbox.push_fault(Fault::default().late(hour).drop_connection(Drop::BeforeProcessing));
        client.try_call("createcard", &form).unwrap_err();
        page.wait_for("document.querySelector('#late-count').innerText === '1'");
        assert!(sandbox.cards().is_empty());
        page.click("document.querySelector('#carry-out-late')");
        page.wait_for("document.querySelector('.pass') && document.querySelector('#late').hidden");
        assert_eq!(page.problems(), Vec::<String>::new());
    });
}

#[test]
fn the_controls_of_a_card_name_its_owner() {
    let (sandbox, client) = plain();
    let anna = create_named(&client, "Анна", "1");
    let nameless = client.create("79161234567");
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("document.querySelectorAll('.pass').length === 2");
        for (id, owner) in [(&anna, "Анна"), (&nameless, "79161234567")] {
            let name = page.eval(&format!("{}.ariaLabel", card(id, "[role=switch]")));
            assert_eq!(name, format!("Установлена в телефон: {owner}"));
            let alt = page.eval(&format!("{}.alt", card(id, ".code img")));
            assert_eq!(alt, format!("QR-код ссылки на карту: {owner}"));
        }
    });
}

#[test]
fn the_curl_line_of_an_empty_page_creates_a_card() {
    let sandbox = Sandbox::start(Options::default()).unwrap();
    let client = Client::new(&sandbox);
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("!document.querySelector('#no-cards').hidden");
        let line = page.text("#curl");
        // Quoted arguments are the odd parts between quotation marks.
        let quoted: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        let [header, template, phone] = quoted[..] else { panic!("{line}") };
        let (name, token) = header.split_once(": ").unwrap();
        let url = line.rsplit(' ').next().unwrap();
        let path = &url[sandbox.page_url().len() - 1..];
        let headers = [(name, token), ("Content-Type", "application/x-www-form-urlencoded")];
        let reply = client.raw(path, &headers, Some(&format!("{template}&{phone}")));
        assert_eq!(reply.code(), 200, "{line}: {}", reply.text);
        assert_eq!(sandbox.cards()[0].get("PHONE"), Some("79161234567"));
    });
}

#[test]
fn the_code_of_an_empty_page_holds_what_the_component_needs() {
    for (sandbox, token) in
        [(Sandbox::start(Options::default()).unwrap(), DEFAULT_TOKEN), (start(Options::default()), "ТОКЕН")]
    {
        in_browser(&sandbox.page_url(), |page| {
            page.wait_for("!document.querySelector('#no-cards').hidden");
            let code = page.text("#snippet");
            for line in [
                format!("Компонента.Токен = \"{token}\";"),
                format!("Компонента.АдресСервера = \"{}\";", sandbox.url()),
                format!("Компонента.ИдентификаторШаблона = \"{DEFAULT_TEMPLATE_ID}\";"),
            ] {
                assert!(code.lines().any(|found| found == line), "{line} in\n{code}");
            }
            assert_eq!(page.eval("document.querySelector('#own-token').hidden"), token == DEFAULT_TOKEN);
        });
    }
}

/// A sandbox whose page shows everything that it can show, in a browser.
fn in_browser_with_everything(scenario: impl FnOnce(&mut Page)) {
    let sandbox = start(Options { cards: 61, ..Options::default() });
    let client = Client::new(&sandbox);
    let long = "Очень-длинное-значение-без-пробелов".repeat(4);
    let id = create_named(&client, &long, "79161234567");
    client.call("updatecard", &[("cardId", &id), ("values[%NOTE%]", &long)]);
    client.call("updatecard", &[("cardId", "none")]);
    sandbox.set_installed(&id, true);
    sandbox.push_fault(Fault::of("updatecard").status(503).message(long.clone()));
    in_browser(&sandbox.page_url(), |page| {
        page.wait_for("document.querySelectorAll('#requests details').length === 3");
        page.wait_for("document.querySelectorAll('#known-error-buttons button').length === 9");
        page.eval("document.querySelectorAll('details').forEach(it => it.open = true)");
        page.eval("document.querySelectorAll('[hidden]').forEach(it => it.hidden = false)");
        page.eval("document.querySelector('#notice').textContent = 'Песочница отказала'");
        scenario(page);
    });
}

#[test]
fn nothing_on_a_phone_is_wider_than_its_screen() {
    in_browser_with_everything(|page| {
        for width in [320, 390, 768] {
            page.set_width(width);
            let wider = page.eval(&format!(
                "[...document.querySelectorAll('body *')].filter(it => it.getBoundingClientRect().right > {width} + 0.5 \
                 && !it.closest('pre')).map(it => it.outerHTML.slice(0, 80))"
            ));
            assert_eq!(wider, json!([]), "at {width}");
            assert_eq!(page.eval("document.documentElement.scrollWidth"), width);
            page.eval("scrollTo(0, 0)");
            page.click("document.querySelector('.jump a[href=\"#faults\"]')");
            page.wait_for(
                "(() => { const top = document.querySelector('#faults').getBoundingClientRect().top; \
                 return top >= -1 && top < innerHeight / 2 })()",
            );
            assert_eq!(page.eval("document.querySelector('#search').value"), "", "the link is no search for a card");
        }
    });
}

#[test]
fn colours_differ_enough_in_both_schemes() {
    const CONTRAST: &str = "(() => {
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const luminance = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((channel) => {
                const part = channel / 255;
                return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        window.contrast = (one, other) => {
            const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
            return (light + 0.05) / (dark + 0.05);
        };
        window.style = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
    })()";
    in_browser_with_everything(|page| {
        page.eval(CONTRAST);
        for scheme in ["light", "dark"] {
            page.set_colour_scheme(scheme);
            page.wait_for("document.getAnimations().length === 0");
            for (what, one, other) in [
                (
                    "switch",
                    "style('.switch input:not(:checked)', 'backgroundColor')",
                    "style('body', 'backgroundColor')",
                ),
                (
                    "switch that is on",
                    "style('.switch input:checked', 'backgroundColor')",
                    "style('body', 'backgroundColor')",
                ),
                ("search field", "style('#search', 'borderTopColor')", "style('body', 'backgroundColor')"),
                ("button", "style('.faults button', 'borderTopColor')", "style('.panel', 'backgroundColor')"),
            ] {
                let ratio = page.eval(&format!("contrast({one}, {other})")).as_f64().unwrap();
                assert!(ratio >= 3.0, "{what}, {scheme}: {ratio}");
            }
            for (what, one, other) in [
                ("notice", "style('.notice', 'color')", "style('.notice', 'backgroundColor')"),
                ("failure", "style('.outcome.bad', 'color')", "style('.panel', 'backgroundColor')"),
                ("success", "style('.outcome.good', 'color')", "style('.panel', 'backgroundColor')"),
                ("quiet text", "style('.quiet', 'color')", "style('body', 'backgroundColor')"),
            ] {
                let ratio = page.eval(&format!("contrast({one}, {other})")).as_f64().unwrap();
                assert!(ratio >= 4.5, "{what}, {scheme}: {ratio}");
            }
            // A card's colours depend on its template's id, so all hues must do. The style has both ends of the gradient.
            let worst = page.eval(
                "(() => { const front = document.querySelector('.front'); const kept = front.style.getPropertyValue('--hue'); \
                 let worst = 21; \
                 for (let hue = 0; hue < 360; hue += 5) { front.style.setProperty('--hue', hue); \
                 for (const [colour] of getComputedStyle(front).backgroundImage.matchAll(/rgba?\\([^)]*\\)/g)) \
                 worst = Math.min(worst, contrast('#fff', colour)) } \
                 front.style.setProperty('--hue', kept); return worst })()",
            );
            assert!((4.5..21.0).contains(&worst.as_f64().unwrap()), "cards, {scheme}: {worst}");
        }
    });
}

#[test]
fn axe_finds_nothing_to_complain_about() {
    let Some(axe) = browser::axe_core() else { return };
    in_browser_with_everything(|page| {
        page.eval(&axe);
        for (width, scheme) in [(1440, "light"), (1440, "dark"), (320, "light"), (320, "dark")] {
            page.set_width(width);
            page.set_colour_scheme(scheme);
            page.wait_for("document.getAnimations().length === 0");
            let violations = page.eval(
                "axe.run().then(({ violations, passes }) => passes.length < 10 ? ['axe did not run'] : \
                 violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => html.slice(0, 120) + \
                 (any[0]?.message ?? '')).slice(0, 3).join(' | ')}`))",
            );
            assert_eq!(violations, json!([]), "at {width}, {scheme}");
        }
    });
}
