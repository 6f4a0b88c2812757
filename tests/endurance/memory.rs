use std::net::TcpListener;

use addin_host::Object;
use testkit::test_path;

use crate::alone::{World, alone};
use crate::process::resident;
use crate::shop::{PHONE, call, component_for, create, exception, set_up, text};

const CALLS: usize = 100_000;
/// Enough that every pool and table has reached its size.
const WARM_UP: usize = CALLS / 2;
const MEBIBYTE: usize = 1024 * 1024;
/// On the 1C server an object lives for one server call. The host of these tests keeps about a kilobyte of each.
const CALLS_OF_AN_OBJECT: usize = 2500;

#[test]
fn a_hundred_thousand_calls_grow_the_process_by_less_than_a_mebibyte() {
    alone(test_path!(a_hundred_thousand_calls_grow_the_process_by_less_than_a_mebibyte), |world| {
        assert_stays_small(world, |number| if number.is_multiple_of(20) { request } else { local_call });
    });
}

#[test]
#[ignore = "takes minutes"]
fn a_hundred_thousand_requests_grow_the_process_by_less_than_a_mebibyte() {
    alone(test_path!(a_hundred_thousand_requests_grow_the_process_by_less_than_a_mebibyte), |world| {
        assert_stays_small(world, |_| request);
    });
}

/// One call; the text is the id of a card that exists.
type Call = fn(&Object, &str, usize);

fn assert_stays_small(world: &World, choose: impl Fn(usize) -> Call) {
    let card = create(&component_for(&world.service), PHONE);
    let mut object = component_for(&world.service);
    let mut run = |calls: usize| {
        for number in 0..calls {
            if number.is_multiple_of(CALLS_OF_AN_OBJECT) {
                object = component_for(&world.service);
                fails_as("Timeout", &object, &world.silent);
                fails_as("Connection", &object, &refusing());
                set_up(&object, &world.service);
                object.set("Timeout", 60).unwrap();
            }
            choose(number)(&object, &card, number);
            // The host's own account would grow.
            object.take_errors();
        }
    };
    run(WARM_UP);
    let before = resident();
    run(CALLS);
    let grown = resident().saturating_sub(before);
    println!("{CALLS} calls: {before} bytes and {grown} more");
    assert!(grown < MEBIBYTE, "{grown} bytes");
}

/// A call that does not leave the process.
fn local_call(object: &Object, card: &str, number: usize) {
    match number % 7 {
        0 => drop(text(object, "Result")),
        1 => drop(text(object, "ServerUrl")),
        2 => drop(text(object, "ErrorDescription")),
        3 => drop(exception(object.function("UpdateCard", &[" ".into()]))),
        4 => drop(exception(object.function("UpdateCard", &[card.into(), r#"{"BONUS": [1]}"#.into()]))),
        5 => drop(exception(object.set("Timeout", -1))),
        _ => object.procedure("SetValue", &["BONUS".into(), (number as f64).into()]).unwrap(),
    }
}

/// A call that the service answers, mostly well.
fn request(object: &Object, card: &str, number: usize) {
    match number % 5 {
        0 => {
            assert!(!call(object, "UpdateCard", &["unknown".into()]));
            assert_eq!(text(object, "ErrorKind"), "NotFound");
        }
        1 => {
            assert!(!call(object, "CreateCard", &[format!(r#"{{"PHONE": "{PHONE}"}}"#).into()]));
            assert_eq!(text(object, "ErrorKind"), "Duplicate");
        }
        _ => {
            let values = format!(r#"{{"BONUS": {number}}}"#);
            assert!(call(object, "UpdateCard", &[card.into(), values.into()]), "{}", text(object, "Result"));
        }
    }
}

/// A call of a server that is none or does not answer: the latter leaves its request under way.
fn fails_as(kind: &str, object: &Object, url: &str) {
    object.set("ServerUrl", url).unwrap();
    object.set("Retries", 0).unwrap();
    object.set("Timeout", if kind == "Timeout" { 0.1 } else { 60.0 }).unwrap();
    assert!(!call(object, "UpdateCard", &["id".into()]));
    assert_eq!(text(object, "ErrorKind"), kind);
}

/// An address where nobody listens, another one each time.
fn refusing() -> String {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{unused}")
}
