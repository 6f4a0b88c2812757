//! Host names that do not resolve, or slowly. A stand-in for the C library's resolver is preloaded (`testkit::resolver`).

use std::process::Output;
use std::time::{Duration, Instant};

use addin_testkit::apart;
use addin_testkit::shop::{self, number, text};
use testkit::{prompt, resolver, test_path};

use crate::table::attempt;

/// Runs a test in a process whose names the stand-in resolves.
fn rerun_with_resolver(path: &str) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    apart::rerun(path, |command| resolver::preload(command, folder.path()))
}

/// Checks the outcome of both methods, and that the object works after it.
fn assert_fails_with(kind: &str, url: &str, proxy: &str, timeout: f64) {
    let good = shop::sandbox();
    for (method, language) in [("CreateCard", "ru"), ("UpdateCard", "en")] {
        let mut attempts = 0;
        prompt(Duration::from_secs_f64(timeout + 0.3), || {
            attempts += 1;
            let object = shop::component();
            object.set_ui_language(language);
            shop::set_up(&object, url);
            object.set("Proxy", proxy).unwrap();
            object.set("Timeout", timeout).unwrap();
            let start = Instant::now();
            assert!(!attempt(&object, method));
            let took = start.elapsed();
            let description = text(&object, "ErrorDescription");
            assert_eq!(text(&object, "ErrorKind"), kind, "{description}");
            assert_eq!(number(&object, "Code"), 0.0);
            assert!(description.contains(if language == "ru" { "роверьте" } else { "Check" }) || !proxy.is_empty());

            shop::set_up(&object, &good.url());
            shop::create(&object, &format!("{method} {attempts}"));
            took
        });
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stand-in for the resolver needs LD_PRELOAD")]
fn a_name_that_does_not_resolve_is_a_connection_error() {
    let path = test_path!(a_name_that_does_not_resolve_is_a_connection_error);
    if rerun_with_resolver(path).is_none() {
        assert_fails_with("Connection", "https://no-such-name.unknown.test/oapi/v1", "direct", 10.0);
        assert_fails_with("Connection", "https://localhost:1", "http://no-such-proxy.unknown.test:3128", 10.0);
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stand-in for the resolver needs LD_PRELOAD")]
fn a_resolver_that_is_out_of_order_is_a_connection_error() {
    let path = test_path!(a_resolver_that_is_out_of_order_is_a_connection_error);
    if rerun_with_resolver(path).is_none() {
        assert_fails_with("Connection", "https://any-name.temporary.test/oapi/v1", "direct", 10.0);
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the stand-in for the resolver needs LD_PRELOAD")]
fn a_resolver_that_never_answers_is_a_timeout_and_blocks_no_other_call() {
    let path = test_path!(a_resolver_that_never_answers_is_a_timeout_and_blocks_no_other_call);
    if rerun_with_resolver(path).is_none() {
        assert_fails_with("Timeout", "https://any-name.stalled.test/oapi/v1", "direct", 0.5);
        assert_fails_with("Timeout", "https://localhost:1", "http://proxy.stalled.test:3128", 0.5);
        // More than the limit of simultaneous look-ups.
        let stuck = shop::component_for("https://any-name.stalled.test");
        stuck.set("Timeout", 0.1).unwrap();
        for _ in 0..80 {
            assert!(!attempt(&stuck, "UpdateCard"));
            assert_eq!(text(&stuck, "ErrorKind"), "Timeout");
        }
        let good = shop::sandbox();
        shop::create(&shop::component_for(&good.url()), shop::PHONE);
    }
}
