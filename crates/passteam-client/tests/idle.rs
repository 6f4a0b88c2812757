//! A call that waits costs no processor time. In a process of its own: whoever waits also drives the connections of others.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use passteam_client::settings::Settings;
use passteam_client::{Kind, call};

use crate::support::{Peer, failure, settings, update};

/// What all threads of this process have used so far, in the kernel's ticks (10 ms on every usual Linux).
fn ticks_used() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("procfs");
    let (_, after_name) = stat.rsplit_once(')').expect("a name in brackets");
    // utime and stime are the fields 14 and 15 of proc(5); what follows the name begins with field 3.
    after_name.split_whitespace().skip(14 - 3).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn waiting_for_a_silent_or_dripping_server_costs_no_processor_time() {
    let silent = Peer::silent();
    let stalled_tls = silent.url().replace("http://", "https://");
    let drips = Peer::plain(|connection| {
        connection.read_request();
        connection.write(b"HTTP/1.1 200 OK\r\nX-Long: ");
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(100));
            connection.write(b"x");
        }
    });
    for url in [silent.url(), stalled_tls, drips.url()] {
        let settings = Settings { timeout: Duration::from_secs(1), ..settings(&url) };
        // The first call of a process reads the system's certificates.
        call(&Settings { timeout: Duration::from_millis(100), ..settings.clone() }, &update());
        let before = ticks_used();
        assert_eq!(failure(&call(&settings, &update())).0, Kind::Timeout);
        let used = ticks_used() - before;
        assert!(used < 25, "{url}: {used} of 100 ticks");
    }
}
