//! What a request looks like, and answers that arrive whole.

use passteam_client::{Cause, Kind, Parameters, Request, Settings, Success, Token, Variables, call};
use testkit::{Peer, http};

use crate::calls::{CREATED, TOKEN, UPDATED, assert_success, create, failure, settings, update};

fn lines(request: &str) -> Vec<String> {
    request.split("\r\n").map(str::to_ascii_lowercase).collect()
}

#[test]
fn a_request_is_a_form_with_the_bare_token_in_its_header() {
    let peer = Peer::answering(http(200, &[], CREATED));
    let report = call(&settings(&peer.url()), &create());
    let success = Success {
        card_id: Some("5f0c".to_owned()),
        card_url: Some("https://x.example/5f0c".to_owned()),
        ..Success::default()
    };
    assert_eq!(report.outcome, Ok(success));
    assert_eq!((report.code, report.body.as_str(), report.tries), (200, CREATED, 1));

    let request = peer.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    let head = lines(head);
    assert_eq!(head[0], "post /oapi/v1/createcard http/1.1");
    for line in [
        &format!("authorization: {TOKEN}").to_ascii_lowercase(),
        "content-type: application/x-www-form-urlencoded",
        &format!("user-agent: passteam/{}", env!("CARGO_PKG_VERSION")),
        &format!("host: {}", peer.address()),
        &format!("content-length: {}", body.len()),
    ] {
        assert!(head.iter().any(|known| known == line), "{line} in {head:?}");
    }
    for name in ["referer:", "cookie:", "proxy-", "transfer-encoding:", "accept-encoding:"] {
        assert!(!head.iter().any(|line| line.starts_with(name)), "{name} in {head:?}");
    }
    assert_eq!(body, "templateId=template&values%5B%25PHONE%25%5D=79161234567");
}

#[test]
fn each_method_has_its_path() {
    let peer = Peer::answering(http(200, &[], UPDATED));
    let settings = settings(&format!("{}/", peer.url()));
    let updated = call(&settings, &update()).outcome.expect("a success");
    assert_eq!((updated.card_id.as_deref(), updated.installed), (Some("5f0c"), true));
    let parameters = Parameters::from_json(r#"{"page":{"limit":50}}"#).expect("parameters");
    assert_success(&call(&settings, &Request::method("getCardsWithPagination", &parameters).expect("a method")));
    let requests = peer.requests();
    assert!(requests[0].starts_with("POST /oapi/v1/updatecard HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[1].starts_with("POST /oapi/v1/getCardsWithPagination HTTP/1.1\r\n"), "{}", requests[1]);
    assert!(requests[1].ends_with("\r\n\r\npage%5Blimit%5D=50"), "{}", requests[1]);
}

#[test]
fn without_a_token_no_authorization_goes_out() {
    let peer = Peer::answering(http(401, &[], ""));
    let settings = Settings { token: Token::default(), ..settings(&peer.url()) };
    assert_eq!(failure(&call(&settings, &update())).0, Kind::Unauthorized);
    assert!(!peer.requests()[0].to_ascii_lowercase().contains("authorization"));
}

#[test]
fn the_answers_body_is_kept_as_it_came_with_bad_bytes_replaced() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=windows-1251\r\n\r\n";
    let answer = [head, "\u{feff}{\"message\":\"".as_bytes(), b"\xcf\xf0\",\"code\":409}"].concat();
    let report = call(&settings(&Peer::answering_once(answer).url()), &update());
    assert_eq!(failure(&report), (Kind::Duplicate, Cause::Duplicate));
    assert_eq!(report.body, "\u{feff}{\"message\":\"\u{fffd}\u{fffd}\",\"code\":409}");
}

#[test]
fn a_chunked_answer_and_one_that_ends_with_its_connection_are_whole() {
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        &UPDATED[..5],
        UPDATED.len() - 5,
        &UPDATED[5..]
    );
    let closed = format!("HTTP/1.0 200 OK\r\n\r\n{UPDATED}");
    for answer in [chunked, closed] {
        let report = call(&settings(&Peer::answering_once(answer).url()), &update());
        assert_success(&report);
        assert_eq!(report.body, UPDATED);
    }
}

const LIMIT: usize = 4 * 1024 * 1024;

/// An envelope of exactly this number of bytes.
fn padded(length: usize) -> String {
    let frame = r#"{"code":200,"result":""}"#;
    frame.replace(r#""""#, &format!("\"{}\"", "x".repeat(length - frame.len())))
}

#[test]
fn a_body_of_exactly_four_mebibytes_is_read() {
    let body = padded(LIMIT);
    let report = call(&settings(&Peer::answering(http(200, &[], &body)).url()), &update());
    assert_success(&report);
    assert_eq!(report.body.len(), LIMIT);
}

#[test]
fn a_longer_body_is_refused_with_and_without_a_length() {
    let body = padded(LIMIT + 1);
    let unmeasured =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for answer in [http(200, &[], &body), unmeasured.into_bytes()] {
        let peer = Peer::answering(answer);
        let report = call(&Settings { retries: 2, ..settings(&peer.url()) }, &update());
        assert_eq!(failure(&report), (Kind::BadResponse, Cause::TooLarge));
        assert_eq!((report.code, report.body.as_str(), report.tries), (0, "", 1));
    }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_the_body_comes() {
    let peer = Peer::start(|mut connection| {
        connection.read_request();
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", LIMIT + 1).as_bytes());
        connection.wait_for_close();
    });
    assert_eq!(failure(&call(&settings(&peer.url()), &update())), (Kind::BadResponse, Cause::TooLarge));
}

#[test]
fn an_endless_body_is_cut_off() {
    let peer = Peer::start(|mut connection| {
        connection.read_request();
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n");
        for _ in 0..1024 {
            connection.send([b' '; 16 * 1024]);
        }
    });
    assert_eq!(failure(&call(&settings(&peer.url()), &update())), (Kind::BadResponse, Cause::TooLarge));
}

#[test]
fn several_megabytes_go_out_whole() {
    let peer = Peer::answering(http(200, &[], UPDATED));
    let long = "Ж&".repeat(700_000);
    let mut variables = Variables::default();
    variables.set("LONG", long.as_str()).expect("a variable");
    assert_success(&call(&settings(&peer.url()), &Request::update_card("5f0c", &variables)));
    let request = peer.requests().remove(0);
    let (_, body) = request.split_once("\r\n\r\n").expect("a body");
    let (name, value) = form_urlencoded::parse(body.as_bytes()).nth(1).expect("a variable");
    assert_eq!(name, "values[%LONG%]");
    assert!(value == long, "the value differs");
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Peer::answering(http(200, &[], UPDATED));
        let location = format!("Location: {}/updatecard", elsewhere.url());
        let peer = Peer::answering(http(status, &[&location], "<html>moved</html>"));
        let report = call(&Settings { retries: 2, ..settings(&peer.url()) }, &update());
        assert_eq!(failure(&report), (Kind::BadResponse, Cause::Redirect));
        assert_eq!((report.code, report.body.as_str(), report.tries), (status.into(), "<html>moved</html>", 1));
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[test]
fn a_redirect_whose_body_breaks_off_is_still_a_redirect() {
    let peer = Peer::answering_once("HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nabc");
    let report = call(&settings(&peer.url()), &update());
    assert_eq!(failure(&report), (Kind::BadResponse, Cause::Redirect));
    assert_eq!((report.code, report.body.as_str()), (0, ""));
}

#[test]
fn an_update_waits_for_as_long_as_the_service_asks_and_a_create_does_not() {
    let limited = |headers: &'static [&'static str]| {
        Peer::start(move |mut connection| {
            for answer in [http(429, headers, ""), http(200, &[], UPDATED)] {
                if connection.read_request().is_some() {
                    connection.send(&answer);
                }
            }
        })
    };
    let patient = |peer: &Peer| Settings { retries: 1, ..settings(&peer.url()) };
    let date = ["Date: Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"];
    for headers in [&["Retry-After: 0"][..], Box::leak(Box::new(date))] {
        let peer = limited(headers);
        let report = call(&patient(&peer), &update());
        assert_success(&report);
        assert_eq!(report.tries, 2);

        let peer = limited(headers);
        let report = call(&patient(&peer), &create());
        assert_eq!(failure(&report).0, Kind::RateLimited);
        assert_eq!((report.tries, report.code), (1, 429));
    }
    for headers in [&[][..], &["Retry-After: soon"], &["Retry-After: 11"], &["Retry-After: 99999999999999999999"]] {
        let peer = limited(headers);
        let report = call(&patient(&peer), &update());
        assert_eq!((failure(&report).0, report.tries), (Kind::RateLimited, 1), "{headers:?}");
    }
}
