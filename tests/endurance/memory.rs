use addin_host::Object;
use addin_testkit::shop::{PHONE, call, component_for, create, exception, set_up, text};
use testkit::{Peer, test_path};

use crate::alone::{World, alone};
use crate::process::resident;

const CALLS: usize = 100_000;
/// After this number of calls every pool and table has its final size.
const WARM_UP: usize = CALLS / 2;
const MEBIBYTE: usize = 1024 * 1024;
/// Few, as on the 1C server, where an object lives for one server call; not fewer, because the tests' host keeps a kilobyte of each.
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

/// Makes one call. It gets the object, the id of a card that exists, and the number of the call.
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
            // Otherwise the list of errors in the tests' host would grow.
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

/// A call that sends nothing.
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

/// A call that the service answers, in most cases with success.
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

/// A call that fails because no server listens, or because it does not answer; then its request is still under way.
fn fails_as(kind: &str, object: &Object, url: &str) {
    object.set("ServerUrl", url).unwrap();
    object.set("Retries", 0).unwrap();
    object.set("Timeout", if kind == "Timeout" { 0.1 } else { 60.0 }).unwrap();
    assert!(!call(object, "UpdateCard", &["id".into()]));
    assert_eq!(text(object, "ErrorKind"), kind);
}

/// The URL of an address where nobody listens, a new one each time.
fn refusing() -> String {
    format!("http://{}", Peer::nobody())
}
