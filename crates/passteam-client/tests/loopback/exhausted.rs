//! A process that can open no more files.

use std::fs::File;

use passteam_client::{Cause, Kind, call};
use testkit::apart::{limit_open_files, rerun};
use testkit::{Peer, http, test_path};

use crate::calls::{UPDATED, assert_success, failure, settings, update};

#[test]
fn without_file_descriptors_a_call_fails_and_works_again_with_some() {
    let path = test_path!(without_file_descriptors_a_call_fails_and_works_again_with_some);
    if rerun(path, |command| limit_open_files(command, 100)).is_some() {
        return;
    }
    // The first call also has to make the runtime, the second one only a connection.
    for number in 1..=2 {
        let peer = Peer::answering(http(200, &[], UPDATED));
        let settings = settings(&peer.url());
        let taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let report = call(&settings, &update());
        drop(taken);
        assert_eq!(failure(&report), (Kind::Connection, Cause::NoResources), "call {number}");
        assert_success(&call(&settings, &update()));
    }
}

/// The resolver then says that there is no such name, which would send people to the wrong place.
#[test]
fn a_name_that_cannot_be_looked_up_for_lack_of_file_descriptors_is_not_called_unknown() {
    let path = test_path!(a_name_that_cannot_be_looked_up_for_lack_of_file_descriptors_is_not_called_unknown);
    if rerun(path, |command| limit_open_files(command, 100)).is_some() {
        return;
    }
    let [first, second] = [(); 2].map(|()| Peer::answering(http(200, &[], UPDATED)));
    assert_success(&call(&settings(&first.url()), &update()));
    let settings = settings(&second.url().replace("127.0.0.1", "localhost"));
    let taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let report = call(&settings, &update());
    drop(taken);
    assert_eq!(failure(&report), (Kind::Connection, Cause::NoResources));
    assert_success(&call(&settings, &update()));
}
