//! A process that has no file descriptors left.
#![cfg(unix)]

mod support;

use std::fs::File;
use std::io;
use std::process::Command;

use passteam_client::{Cause, Kind, call};

use crate::support::{Peer, UPDATED, assert_success, failure, http, settings, update};

/// Set in the process that the test starts of itself, in which few files can be open.
const FEW_FILES: &str = "PASSTEAM_TEST_FEW_FILES";

#[test]
fn without_file_descriptors_a_call_fails_and_works_again_with_some() -> io::Result<()> {
    if std::env::var_os(FEW_FILES).is_some() {
        fail_and_recover();
        return Ok(());
    }
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 100 && exec \"$0\""])
        .arg(std::env::current_exe()?)
        .env(FEW_FILES, "1")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    Ok(())
}

fn fail_and_recover() {
    // The first call also has to make the runtime, the second one only a connection.
    for number in 1..=2 {
        let peer = Peer::answering(http(200, &[], UPDATED));
        let settings = settings(&peer.url());
        let taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let report = call(&settings, &update());
        drop(taken);
        assert_eq!(failure(&report), (Kind::Connection, Cause::ConnectionOther), "call {number}");
        assert_success(&call(&settings, &update()));
    }
}
