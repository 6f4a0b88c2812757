//! A call that waits uses no processor time.

use std::fs;
use std::time::Duration;

use passteam_client::settings::Settings;
use passteam_client::{Kind, call};
use testkit::apart::rerun;
use testkit::{Peer, http, test_path};

use crate::calls::{UPDATED, assert_success, failure, settings, trusted, update};

/// What all threads of this process have used so far, in the kernel's ticks (10 ms on every usual Linux).
fn ticks_used() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("procfs");
    let (_, after_name) = stat.rsplit_once(')').expect("a name in brackets");
    // utime and stime are the fields 14 and 15 of proc(5); what follows the name begins with field 3.
    after_name.split_whitespace().skip(14 - 3).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn waiting_for_a_silent_or_dripping_server_costs_no_processor_time() {
    // In a process of its own: a thread that waits also runs the I/O of other tests' calls.
    if rerun(test_path!(waiting_for_a_silent_or_dripping_server_costs_no_processor_time), |_| {}).is_some() {
        return;
    }
    // The first call of a process reads the system's certificates.
    let (_server, trusting, _file) = trusted(|mut connection| connection.answer_all(&http(200, &[], UPDATED)));
    assert_success(&call(&trusting, &update()));
    let silent = Peer::silent();
    let stalled_tls = silent.https_url();
    let drips = Peer::start(|mut connection| {
        connection.read_request();
        connection.send(b"HTTP/1.1 200 OK\r\nX-Long: ");
        connection.drip(&[b'x'; 1000], Duration::from_millis(100));
    });
    for url in [silent.url(), stalled_tls, drips.url()] {
        let settings = Settings { timeout: Duration::from_secs(1), ..settings(&url) };
        let before = ticks_used();
        assert_eq!(failure(&call(&settings, &update())).0, Kind::Timeout);
        let used = ticks_used() - before;
        assert!(used < 25, "{url}: {used} of 100 ticks");
    }
}
